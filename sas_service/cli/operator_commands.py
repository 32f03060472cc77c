"""The commands an operator or a pipeline runs once: migrate, doctor, openapi."""

import os
from pathlib import Path

import click

from sas_service.bootstrap import build_doctor, build_migrations, render_openapi
from sas_service.cli.failures import explained

OPENAPI_FILE = Path("openapi.yaml")


@click.command()
@click.option("--status", is_flag=True, help="Only show which migrations are applied and which are waiting.")
def migrate(*, status: bool) -> None:
    """Bring Redis to this release's schema.

    Forward only, under a lock, safe to run twice and from several machines at once; traffic may go on. Run it before
    the first `serve` and with every release.
    """
    with explained():
        migrations = build_migrations(os.environ)
        if not status:
            for name in migrations.upgrade():
                click.echo(f"applied {name}")
        shown = migrations.status()
        for name, applied in shown.migrations:
            click.echo(f"{'applied' if applied else 'waiting'}  {name}")
        click.echo(f"schema: current {shown.current}, readable from {shown.min_reader}")


@click.command()
def doctor() -> None:
    """Check everything that the service needs, and say what to do about what is missing.

    Looks at settings, policy, Redis, schema, mirror, Entra's keys, both Azure credentials, and each account: not
    `global`, local authentication on, identities attached and in the account's location, data roles in place. Changes
    nothing. Exit code 1 if something is missing.
    """
    with explained():
        findings = build_doctor(os.environ)
        worst = 0
        for finding in findings:
            click.echo(f"{'ok  ' if finding.good else 'FAIL'}  {finding.what}")
            if not finding.good:
                worst = 1
                click.echo(f"      {finding.advice}")
    raise SystemExit(worst)


@click.command()
@click.option("--check", is_flag=True, help="Compare with the file byte for byte and exit 1 if they differ.")
@click.option("--file", type=click.Path(path_type=Path), default=OPENAPI_FILE, show_default=True)
def openapi(*, check: bool, file: Path) -> None:
    """Write openapi.yaml from the views and their schemas, or check that it is true."""
    text = render_openapi()
    if check:
        if not file.exists() or file.read_text() != text:
            raise click.ClickException(f"{file} is not what the code says; run `sas-service openapi` and commit it")
        click.echo(f"{file} is true")
    else:
        file.write_text(text)
        click.echo(f"wrote {file}")
