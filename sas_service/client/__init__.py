"""A client of this service's own HTTP API, for its command line; knows of the service what any client can know.

It sends the admin's own Entra token, so that authorisation and audit name the person. It never prints or logs it.
"""
