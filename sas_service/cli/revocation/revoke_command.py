"""The command revoke: a plan, the typed name, a run; and what may be done to a run, as subcommands."""

from dataclasses import replace
from typing import Any

import click

from sas_service.cli.revocation.asking import RECOMMENDED, asked_for, body
from sas_service.cli.revocation.beginning import begin, leave_with_plan, offer_suspension, planned, show_plan
from sas_service.cli.revocation.confirming import Confirmation, confirmed
from sas_service.cli.revocation.run_commands import RUN_COMMANDS
from sas_service.cli.revocation.signing_in import signed_in
from sas_service.cli.revocation.terminal import Terminal

SHORTEST = "new"
"""What ``sas-service revoke --profile ...`` means: the common way needs no further word."""


class ShortestFirst(click.Group):
    """A group whose options without a subcommand are those of SHORTEST."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the word in where it was left out."""
        if args and args[0].startswith("-") and args[0] not in ctx.help_option_names:
            args = [SHORTEST, *args]
        return super().parse_args(ctx, args)


@click.group("revoke", cls=ShortestFirst)
def revoke() -> None:
    """Take tokens back: plan, see whom it costs, confirm by typing the account's name, watch.

    \b
    A token has leaked; let its applications move within an hour, then cut
      sas-service revoke --token tok_... --reason tokenLeak --deadline PT1H
    A key is known to somebody else; cut at once
      sas-service revoke --signing-key primaryKey --account NAME --reason keyCompromise --mode emergency
    Only look
      sas-service revoke --profile NAME --reason drill --plan-only

    `sas-service revoke new --help` lists the options of these. Everything is done by the service in your name;
    docs/revocation.md is for three in the morning.
    """  # noqa: D301  click wants the backspace character itself


@revoke.command(SHORTEST)
@asked_for
@click.option("--plan-only", is_flag=True, help="Show the plan and leave.")
@click.option(
    "--suspend", multiple=True, metavar="KIND/ID", help="Suspend first: team/NAME, client/ID or profile/NAME."
)
@click.option("--watch/--no-watch", "then_watch", default=True, help="Stay until the run is over; the default.")
@confirmed
@signed_in
def new(
    terminal: Terminal,
    *,
    confirmation: Confirmation,
    plan_only: bool,
    suspend: tuple[str, ...],
    then_watch: bool,
    **given: Any,
) -> None:
    """Plan, confirm, start, watch. This is what `sas-service revoke` does without a further word."""
    for each in suspend:
        if not each.startswith(("team/", "client/", "profile/")):
            raise click.BadParameter(f"{each!r} is not team/NAME, client/ID or profile/NAME", param_hint="--suspend")
    if confirmation.yes:
        terminal = replace(terminal, has_person=False)  # --yes answers one question and refuses the others
    asked = body(account=confirmation.account, given=given)
    run = planned(terminal, asked, take_recommended=given["lever"] == RECOMMENDED)
    if plan_only:
        leave_with_plan(run)
    offer_suspension(terminal, run, suspend)
    begin(terminal, run, confirmation, then_watch=then_watch)


@revoke.command("start")
@click.argument("run_id", metavar="ID")
@click.option("--watch/--no-watch", "then_watch", default=True, help="Stay until the run is over; the default.")
@confirmed
@signed_in
def start(terminal: Terminal, *, run_id: str, confirmation: Confirmation, then_watch: bool) -> None:
    """Start a plan that was made before."""
    run = terminal.revocations.show(run_id)
    show_plan(terminal, run)
    begin(terminal, run, confirmation, then_watch=then_watch)


for each in RUN_COMMANDS:
    revoke.add_command(each)
