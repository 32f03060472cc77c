"""What gunicorn loads in each worker process: the Flask application and its upkeep thread."""

import os

from flask import Flask

from sas_service.bootstrap.processes import build_api
from sas_service.worker import start_upkeep


def application() -> Flask:
    """Build the application of this process; connections are opened by the first request."""
    service, app = build_api(os.environ)
    start_upkeep(service)
    return app
