"""The group of all commands."""

import click

from sas_service import __version__
from sas_service.cli.lazy_commands import LazyCommands

COMMANDS = {
    "demo": "sas_service.cli.demo_command:demo",
    "serve": "sas_service.cli.process_commands:serve",
    "worker": "sas_service.cli.process_commands:worker",
    "emulator": "sas_service.emulator.command:emulator",
    "migrate": "sas_service.cli.migrate_command:migrate",
    "policy": "sas_service.cli.policy_commands:policy",
    "doctor": "sas_service.cli.doctor_command:doctor",
    "revoke": "sas_service.cli.revocation.revoke_command:revoke",
    "lockdown": "sas_service.cli.revocation.lockdown_command:lockdown",
    "rotate-shared-key": "sas_service.cli.revocation.rotate_command:rotate_shared_key",
    "audit": "sas_service.cli.audit_commands:audit",
    "openapi": "sas_service.cli.openapi_command:openapi",
}
"""Name -> where the click command is."""


@click.group(
    cls=LazyCommands,
    places=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="sas-service")
def main() -> None:
    """Issue Azure Maps SAS tokens by policy, and record every one.

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
      sas-service audit           ask the audit log, copy it, and check that nobody has edited it

    \b
    When tokens must be taken back
      sas-service revoke          plan, confirm, watch: docs/revocation.md
      sas-service lockdown        everything off at once, and the guarded way back

    Settings are environment variables named SAS_...; docs/configuration.md lists them all.
    """  # noqa: D301  click wants the backspace character itself
