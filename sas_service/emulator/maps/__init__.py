"""The Azure Maps data plane: who may ask, how often, from where; and answers computed from a small atlas."""
