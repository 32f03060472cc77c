"""The command migrate."""

import os

import click

from sas_service.bootstrap.stores import migrations_from
from sas_service.cli.failures import explained


@click.command()
@click.option("--status", is_flag=True, help="Only show which migrations are applied and which are waiting.")
@click.option("--contract", is_flag=True, help="Also what shuts out the release before: none of its processes is left.")
def migrate(*, status: bool, contract: bool) -> None:
    """Bring Redis to this release's schema.

    Forward only, under a lock, safe to run twice and from several machines at once; traffic may go on. Run it before
    the first `serve` and with every release.
    """
    with explained():
        migrations = migrations_from(os.environ)
        if not status:
            for name in migrations.upgrade(contract=contract):
                click.echo(f"applied {name}")
        shown = migrations.status()
        for name, applied in shown.migrations:
            click.echo(f"{'applied' if applied else 'waiting'}  {name}")
        click.echo(f"schema: current {shown.current}, readable from {shown.min_reader}")
