"""The group audit: what an auditor does at a terminal; each command is imported only when it is called."""

import click

from sas_service.cli.lazy_commands import LazyCommands

COMMANDS = {
    "query": "sas_service.cli.audit_query:query",
    "identify": "sas_service.cli.audit_query:identify",
    "verify": "sas_service.cli.audit_verify:verify",
    "export": "sas_service.cli.audit_export:export",
    "repair": "sas_service.cli.audit_repair:repair",
    "key": "sas_service.cli.audit_export:key",
}
"""Name -> where the click command is."""


@click.group("audit", cls=LazyCommands, places=COMMANDS)
def audit() -> None:
    """Look at the audit log, take a copy of it, and check that nobody has edited it.

    docs/audit.md says what is promised and how to check it without trusting this service.
    """
