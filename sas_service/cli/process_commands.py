"""The commands that run until they are stopped: demo, serve, worker."""

import os
import sys
from pathlib import Path

import click

from sas_service.bootstrap import preflight
from sas_service.cli.failures import explained
from sas_service.demo.supervisor import run_demo
from sas_service.worker import run


@click.command()
@click.option(
    "--directory",
    type=click.Path(path_type=Path),
    default=Path("var"),
    show_default=True,
    help="Where the state, the logs and demo.json live.",
)
@click.option(
    "--port",
    envvar="PORT",
    type=click.IntRange(1, 65_535),
    default=8080,
    show_default=True,
    help="Port of the API (variable PORT).",
)
@click.option(
    "--emulator-port",
    envvar="EMULATOR_PORT",
    type=click.IntRange(1, 65_535),
    default=8081,
    show_default=True,
    help="Port of the emulated Azure (variable EMULATOR_PORT).",
)
def demo(directory: Path, port: int, emulator_port: int) -> None:
    """Run a whole world on this machine until Ctrl-C.

    Starts an emulated Azure, an embedded Redis-compatible server, the API under gunicorn and the worker, all on
    127.0.0.1, and prints three commands to copy. State is kept in DIRECTORY: a second run finds the tokens and keys
    of the first. Needs the extra: pip install 'sas-service[demo]'.
    """
    sys.exit(run_demo(directory.resolve(), port=port, emulator_port=emulator_port))


@click.command()
def serve() -> None:
    """Run the API under gunicorn, with this project's own configuration.

    Checks settings, policy, Redis, mirror and schema first and says everything that is wrong. SIGTERM lets running
    requests finish. Address, workers and threads: SAS_BIND, SAS_WORKERS, SAS_THREADS.
    """
    with explained():
        preflight(os.environ)
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
        run(dict(os.environ))
