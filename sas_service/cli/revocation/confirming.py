"""The last question before something happens: the account's name, typed by hand, or given twice on purpose."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

from sas_service.cli.revocation.exits import Exit
from sas_service.cli.revocation.terminal import Terminal


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What was given beforehand: ``yes`` counts only together with the account's name."""

    yes: bool
    account: str | None

    def of(self, terminal: Terminal, account: str, what: str) -> None:
        """Return if the person means ``account``; otherwise leave, and nothing is done."""
        if self.yes:
            if self.account != account:
                terminal.stop(
                    Exit.REFUSED, f"--account names {self.account}, but this is about {account}: nothing is done."
                )
            return
        if not terminal.may_ask:
            terminal.stop(Exit.USAGE, f"Nobody can be asked here: --yes --account {account} confirms. Nothing is done.")
        typed = click.prompt(f"Type the account's name, {account}, to {what}", default="", show_default=False)
        if typed.strip() != account:
            terminal.stop(Exit.REFUSED, "That is not its name: nothing is done.")


def confirmed(command: Callable[..., None]) -> Callable[..., None]:
    """Add --yes and --account, and give the command a Confirmation in their place."""

    @wraps(command)
    def run(*args: Any, yes: bool, account: str | None, **given: Any) -> None:
        if yes and not account:
            raise click.UsageError("--yes goes only together with --account NAME: it stands for typing the name")
        command(*args, confirmation=Confirmation(yes, account), **given)

    account = click.option("--account", metavar="NAME", help="The account's name; --yes needs it.")
    return click.option("--yes", is_flag=True, help="Do not ask: only together with --account NAME.")(account(run))
