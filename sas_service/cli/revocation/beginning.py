"""From a plan to a run: the better lever, the thief first, the second pair of eyes, the typed name, the start."""

from collections.abc import Mapping
from typing import NoReturn

import click
from rich.text import Text

from sas_service.cli.revocation.confirming import Confirmation
from sas_service.cli.revocation.exits import Exit
from sas_service.cli.revocation.plan_page import cost_line, plan_page
from sas_service.cli.revocation.terminal import Terminal
from sas_service.cli.revocation.watching import await_approval, watch
from sas_service.cli.revocation.words import command
from sas_service.client.documents import OPEN, RevocationShown
from sas_service.client.failures import Refused
from sas_service.domain.revocations import Lever


def planned(terminal: Terminal, asked: Mapping[str, object], *, take_recommended: bool) -> RevocationShown:
    """Make the plan and show it; with the recommended lever if the admin wants that."""
    run = terminal.revocations.plan(asked)
    better = _better(terminal, run, asked, take_recommended=take_recommended)
    if better is not None:
        run = terminal.revocations.plan({**asked, "lever": better})
    if better is not None or not terminal.may_ask:
        show_plan(terminal, run)
    return run


def show_plan(terminal: Terminal, run: RevocationShown) -> None:
    """Show it, to a person or to a program."""
    terminal.document(run.document)
    terminal.say(plan_page(run))


def leave_with_plan(run: RevocationShown) -> NoReturn:
    """End the command after the plan: nothing more was wanted."""
    raise SystemExit(int(Exit.BLOCKED if run.state == "blocked" else Exit.DONE))


def offer_suspension(terminal: Terminal, run: RevocationShown, wanted: tuple[str, ...]) -> None:
    """Suspend what --suspend names, and offer what the plan offers: a thief who can ask again is not stopped."""
    for each in wanted:
        kind, _, name = each.partition("/")
        _suspend(terminal, run, kind, name)
    if wanted or not terminal.may_ask:
        return
    for kind, name in run.offers:
        terminal.say(f"Whoever can ask again is not stopped by a revocation. While {kind} {name} is suspended,")
        terminal.say("it gets no token and no replacement: its own applications lose their maps too.")
        if click.confirm(f"Suspend {kind} {name} now?", default=False):
            _suspend(terminal, run, kind, name)


def begin(terminal: Terminal, run: RevocationShown, confirmation: Confirmation, *, then_watch: bool) -> None:
    """Start the plan that was shown, once it is approved and confirmed, and watch it."""
    if run.state == "blocked":
        terminal.stop(Exit.BLOCKED, "The plan is blocked: nothing is started.")
    need, have = run.approvals
    if need > have:
        run = await_approval(terminal, run)
    if "start" not in run.allowed:
        terminal.stop(Exit.REFUSED, f"{run.id} is {run.state}; allowed now: {', '.join(run.allowed) or 'nothing'}")
    terminal.say(Text(cost_line(run), style="bold"))
    confirmation.of(terminal, run.account, "start")
    started = _started(terminal, run)
    if then_watch:
        watch(terminal, started)
    terminal.document(started.document)
    terminal.say(f"{started.id} is {started.state}. Watch it: {command('watch', started.id)}")
    raise SystemExit(int(Exit.STILL_OPEN if started.state in OPEN else Exit.DONE))


def _started(terminal: Terminal, run: RevocationShown) -> RevocationShown:
    try:
        return terminal.revocations.act(run, "start")
    except Refused as error:
        if error.slug == "replan-required":
            terminal.note(
                "More would die than this plan has shown. Nothing is started; plan anew: the same command again."
            )
        raise


def _better(
    terminal: Terminal, run: RevocationShown, asked: Mapping[str, object], *, take_recommended: bool
) -> str | None:
    """Return the lever to plan anew with, None to keep the plan; a person who may choose has seen the page first."""
    recommended = run.said("recommended")
    if terminal.may_ask:
        show_plan(terminal, run)
    if recommended == run.lever or recommended not in set(Lever) or (asked.get("lever") and not take_recommended):
        return None
    if take_recommended:
        return recommended
    if not terminal.may_ask:
        terminal.note(
            f"Lever {recommended} is recommended: --lever recommended takes it. This plan is for {run.lever}."
        )
        return None
    wants = click.confirm(f"Plan for lever {recommended} instead of {run.lever}?", default=True)
    return recommended if wants else None


def _suspend(terminal: Terminal, run: RevocationShown, kind: str, name: str) -> None:
    terminal.revocations.suspend(kind, name, f"revocation {run.id}: {run.reason}")
    terminal.say(f"{kind} {name} is suspended. Lift it when it is over: DELETE /v1/suspensions/{kind}/{name}")
