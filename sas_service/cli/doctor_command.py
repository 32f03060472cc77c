"""The command doctor."""

import os

import click

from sas_service.bootstrap.doctor import build_doctor
from sas_service.cli.failures import explained


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
