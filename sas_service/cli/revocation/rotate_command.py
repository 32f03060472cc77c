"""The command rotate-shared-key: the daemons' key, moved to the other side and then regenerated."""

import click

from sas_service.cli.revocation.beginning import begin, leave_with_plan, planned
from sas_service.cli.revocation.confirming import Confirmation
from sas_service.cli.revocation.signing_in import signed_in
from sas_service.cli.revocation.terminal import Terminal
from sas_service.domain.revocations import Lever, Mode, Reason


@click.command("rotate-shared-key")
@click.argument("account")
@click.option(
    "--mode",
    type=click.Choice([Mode.GRACEFUL.value, Mode.EXPEDITED.value]),
    default=Mode.GRACEFUL.value,
    show_default=True,
    help="graceful waits until the last token of the old key has expired; expedited tells applications to replace.",
)
@click.option("--plan-only", is_flag=True, help="Show the plan and leave.")
@click.option("--yes", is_flag=True, help="Do not ask. The account is named already.")
@click.option("--watch/--no-watch", "then_watch", default=True, help="Stay until the run is over; the default.")
@signed_in
def rotate_shared_key(
    terminal: Terminal, *, account: str, mode: str, plan_only: bool, yes: bool, then_watch: bool
) -> None:
    """Rotate the shared key of ACCOUNT, whose daemons read it from Key Vault (policy: sharedKeySecrets).

    A revocation like any other: the daemons' secrets get the other key first, everybody moves, then the old key is
    regenerated. Daemons' key and SAS key stay on the same side.
    """
    asked = {
        "reason": Reason.SCHEDULED.value,
        "target": {"account": account},
        "lever": Lever.KEY.value,
        "mode": mode,
        "comment": "rotate-shared-key",
    }
    run = planned(terminal, asked, take_recommended=False)
    if plan_only:
        leave_with_plan(run)
    begin(terminal, run, Confirmation(yes, account if yes else None), then_watch=then_watch)
