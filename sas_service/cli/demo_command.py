"""The command demo: a whole world on this machine."""

import sys
from pathlib import Path

import click

from sas_service.demo.supervisor import run_demo


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
@click.option(
    "--applications",
    type=click.IntRange(0, 200),
    default=0,
    show_default=True,
    help="Further client applications of the two teams, to try a revocation on many.",
)
def demo(directory: Path, port: int, emulator_port: int, applications: int) -> None:
    """Run a whole world on this machine until Ctrl-C.

    Starts an emulated Azure, an embedded Redis-compatible server, the API under gunicorn and the worker, all on
    127.0.0.1, and prints three commands to copy. State is kept in DIRECTORY: a second run finds the tokens and keys
    of the first. Needs the extra: pip install 'sas-service[demo]'.
    """
    sys.exit(run_demo(directory.resolve(), port=port, emulator_port=emulator_port, applications=applications))
