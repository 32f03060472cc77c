"""The commands audit export and audit key."""

import os
import sys
from collections.abc import Iterable, Iterator
from typing import TextIO

import click

from sas_service.bootstrap.audit import export_from, verifying_key_from
from sas_service.cli.failures import explained
from sas_service.services.export import COLUMNS, csv_row


@click.command("export")
@click.option("--stream", "names", multiple=True, help="An account, or `service`; by default all of the policy.")
@click.option("--format", "form", type=click.Choice(["ndjson", "csv"]), default="ndjson", show_default=True)
@click.option("--output", type=click.File("w", encoding="utf-8"), default="-", help="By default stdout.")
def export(names: tuple[str, ...], form: str, output: TextIO) -> None:
    """Write the events, exactly as stored, a line each; progress goes to stderr.

    NDJSON begins each stream with its newest checkpoint and is what `audit verify` reads. CSV is for spreadsheets.
    """
    with explained():
        log, known = export_from(os.environ)
        unknown = sorted(set(names) - set(known))
        if unknown:
            raise click.BadParameter(f"no such stream: {', '.join(unknown)}", param_hint="--stream")
        if form == "csv":
            output.write(csv_row(COLUMNS) + "\n")
        for name in names or known:
            lines = log.csv(name) if form == "csv" else log.ndjson(name)
            output.writelines(line + "\n" for line in _shown(lines, name, log.size(name)))


def _shown(lines: Iterable[str], name: str, length: int) -> Iterator[str]:
    with click.progressbar(lines, length=length, label=name, file=sys.stderr, update_min_steps=1000) as bar:
        yield from bar


@click.command("key")
def key() -> None:
    """Print the verifying key of this deployment; give it to the auditor once, by a way of your own."""
    with explained():
        text = verifying_key_from(os.environ)
    if text is None:
        raise click.ClickException("SAS_SIGNING_KEY is not set: nothing is signed")
    click.echo(text)
