"""The command lockdown: everything off at once, and the guarded way back."""

import click

from sas_service.cli.revocation.confirming import Confirmation
from sas_service.cli.revocation.signing_in import signed_in
from sas_service.cli.revocation.terminal import Terminal
from sas_service.client.reading import plain
from sas_service.domain.revocations import Reason

_WARNING = """LOCKDOWN of {account}: issuing stops, and every SAS token and shared key of the account is refused by
Azure within minutes, until it is released. Every map that uses them goes dark. Both keys are regenerated."""


@click.command("lockdown")
@click.argument("account")
@click.option("--release", is_flag=True, help="End the lockdown; refused until both keys have changed.")
@click.option("--reason", type=click.Choice([each.value for each in Reason]), help="Why.")
@click.option("--comment", help="For the audit log.")
@click.option("--yes", is_flag=True, help="Do not ask. The account is named already.")
@signed_in
def lockdown(
    terminal: Terminal, *, account: str, release: bool, reason: str | None, comment: str | None, yes: bool
) -> None:
    """Lock ACCOUNT down: when nobody knows what else was taken. An outage on purpose.

    Release refuses until both keys have changed since the lock: tokens that nobody ever saw would work again too.
    """
    confirmation = Confirmation(yes, account if yes else None)
    if release:
        confirmation.of(terminal, account, "release it")
        answer = terminal.revocations.release(account)
    else:
        terminal.say(_WARNING.format(account=plain(account)))
        confirmation.of(terminal, account, "lock it down")
        answer = terminal.revocations.lock(account, {"reason": reason, "comment": comment})
    terminal.document(answer)
    state = plain(answer.get("state") or ("released" if release else "locking"))
    terminal.say(f"{account}: {state}")
    for name in ("missing", "waitingFor"):
        if answer.get(name):
            terminal.say(f"  {plain(answer[name])}")
    if not release:
        terminal.say(f"Release it when it is over: sas-service lockdown {account} --release")
