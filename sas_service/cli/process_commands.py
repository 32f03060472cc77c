"""The processes of a deployment: serve and worker."""

import os
import sys

import click

from sas_service.bootstrap.preflight import preflight
from sas_service.cli.failures import explained


@click.command()
def serve() -> None:
    """Run the API under gunicorn, with this project's own configuration.

    Checks settings, policy, Redis, mirror and schema first and says everything that is wrong. SIGTERM lets running
    requests finish. Address, workers and threads: SAS_BIND, SAS_WORKERS, SAS_THREADS.
    """
    with explained():
        preflight(os.environ, listens=True)
    os.execv(  # noqa: S606  our own interpreter and module, no shell
        sys.executable,
        [sys.executable, "-m", "gunicorn", "-c", "python:sas_service.gunicorn_conf", "sas_service.wsgi:application()"],
    )


@click.command()
def worker() -> None:
    """Run the background work: closes what crashes left open, counts denials, watches the policy.

    Any number of workers may run against one Redis, on any number of machines.
    """
    with explained():
        preflight(os.environ)
        from sas_service.worker import run  # noqa: PLC0415  `serve` need not wait for what only the worker uses

        run(dict(os.environ))
