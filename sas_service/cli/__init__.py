"""The command ``sas-service``: starts the processes and answers the operator at a terminal."""

from sas_service.cli.main import main

__all__ = ["main"]
