"""The command lockdown: everything off at once, and the guarded way back."""

from collections.abc import Mapping
from typing import Any

import click

from sas_service.cli.revocation.confirming import Confirmation
from sas_service.cli.revocation.exits import Exit
from sas_service.cli.revocation.patience import looked_at
from sas_service.cli.revocation.signing_in import signed_in
from sas_service.cli.revocation.terminal import Terminal
from sas_service.client.reading import mappings, plain, text
from sas_service.domain.revocations import Reason

_WARNING = """LOCKDOWN of {account}: issuing stops, and every SAS token and shared key of the account is refused by
Azure within minutes, until it is released. Every map that uses them goes dark. Both keys are regenerated."""
_SETTLED = frozenset({"locked", "released"})


@click.command("lockdown")
@click.argument("account")
@click.option("--release", is_flag=True, help="End the lockdown; refused until both keys have changed.")
@click.option(
    "--reason",
    type=click.Choice([each.value for each in Reason]),
    default=Reason.KEY_COMPROMISE.value,
    show_default=True,
    help="Why.",
)
@click.option("--comment", help="For the audit log.")
@click.option("--watch/--no-watch", "then_watch", default=True, help="Stay until it is locked, or released.")
@click.option("--yes", is_flag=True, help="Do not ask. The account is named already.")
@signed_in
def lockdown(
    terminal: Terminal, *, account: str, release: bool, reason: str, comment: str | None, then_watch: bool, yes: bool
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
    _show(terminal, answer, {})
    if then_watch and text(answer, "state") not in _SETTLED:
        _watch(terminal, account, answer)
    if not release:
        terminal.say(f"Release it when it is over: sas-service lockdown {account} --release")


def _watch(terminal: Terminal, account: str, known: Mapping[str, Any]) -> None:
    """Look until it is locked or released."""
    seen = [known]

    def show(now: Mapping[str, Any]) -> None:
        _show(terminal, now, seen[0])
        seen[0] = now

    try:
        looked_at(
            lambda: terminal.revocations.lockdown(account),
            every=terminal.every,
            show=show,
            trouble=lambda why: terminal.note(f"{why}; trying again, the service goes on meanwhile"),
            until=lambda now: text(now, "state") in _SETTLED,
        )
    except KeyboardInterrupt:
        terminal.stop(Exit.STILL_OPEN, "", "You have left; the service goes on. The same command again looks again.")


def _show(terminal: Terminal, now: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    """Tell what has changed."""
    if now == before:
        return
    terminal.document(now)
    was = {text(step, "name"): text(step, "state") for step in mappings(before.get("steps"))}
    for step in mappings(now.get("steps")):
        if text(step, "state") not in {"pending", was.get(text(step, "name"))}:
            terminal.say(f"{text(step, 'name')}: {text(step, 'state')}")
    if text(now, "state") != text(before, "state"):
        terminal.say(f"{text(now, 'account')}: {text(now, 'state')}")
    if text(now, "missing") != text(before, "missing") and text(now, "missing"):
        terminal.say(f"  waiting for: {text(now, 'missing')}")
