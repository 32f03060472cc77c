"""The group of all commands."""

import click

from sas_service import __version__
from sas_service.cli.operator_commands import doctor, migrate, openapi
from sas_service.cli.policy_commands import policy
from sas_service.cli.process_commands import demo, serve, worker
from sas_service.emulator.command import emulator


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="sas-service")
def main() -> None:
    """Issue Azure Maps SAS tokens by policy, record every one, and take them back.

    \b
    First steps
      sas-service demo            a whole world on this machine: emulator, Redis, API, worker
      sas-service policy check    is this policy document right?
      sas-service doctor          is everything that the service needs in place?

    \b
    In production
      sas-service migrate         bring Redis to this release's schema
      sas-service serve           the API under gunicorn
      sas-service worker          the background work; as many as you like

    Settings are environment variables named SAS_...; docs/configuration.md lists them all.
    """  # noqa: D301  click wants the backspace character itself


for command in (demo, serve, worker, emulator, migrate, policy, doctor, openapi):
    main.add_command(command)
