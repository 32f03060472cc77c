"""The command doctor."""

import os
from collections import Counter
from itertools import groupby

import click

from sas_service.bootstrap.doctor import build_doctor
from sas_service.cli.failures import explained


@click.command()
def doctor() -> None:
    """Check everything that the service needs, and say what to do about what is missing.

    Looks at Redis, schema, mirror, policy, Entra's keys, both Azure credentials, and each account: not `global`, local
    authentication on, provisioned, no lock; its identities attached, in its location, with the data role that
    the profiles want and nothing stronger. Changes nothing. Exit code 1 if something does not work; a warning is none.
    """
    seen: Counter[str] = Counter()
    with explained():
        for about, findings in groupby(build_doctor(os.environ), key=lambda finding: finding.about):
            click.secho(about, bold=True)
            for finding in findings:
                seen[finding.grade.value] += 1
                click.echo(f"  {finding.grade.value:<4}  {finding.what}")
                if finding.advice:
                    click.echo(f"        -> {finding.advice}")
    click.echo(f"\n{_counted(seen['FAIL'], 'problem')}, {_counted(seen['warn'], 'warning')}, {seen['ok']} fine")
    raise SystemExit(1 if seen["FAIL"] else 0)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
