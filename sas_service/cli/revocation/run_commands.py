"""What may be done to one revocation, each a subcommand of revoke: watch, show, list, approve, pause, and so on."""

from collections.abc import Mapping
from pathlib import Path

import click
from rich import box
from rich.table import Table
from rich.text import Text

from sas_service.cli.revocation.confirming import Confirmation, confirmed
from sas_service.cli.revocation.exits import Exit
from sas_service.cli.revocation.plan_page import cost_line, plan_page
from sas_service.cli.revocation.progress_page import progress_page
from sas_service.cli.revocation.signing_in import signed_in
from sas_service.cli.revocation.terminal import Terminal
from sas_service.cli.revocation.watching import watch as watch_run
from sas_service.cli.revocation.words import command, deadline
from sas_service.client.documents import RevocationShown

_ID = click.argument("run_id", metavar="ID")

_PLAIN = {
    "pause": "Hold everything at once; what was sent to Azure is not called back.",
    "resume": "Go on. What the run waited for is looked at again, and accepted where a person may accept it.",
    "abort": "Give up and walk back; refused after the first cut.",
}
"""The actions that need no more than the run's name."""


def _plain(action: str, purpose: str) -> click.Command:
    @click.command(action, help=purpose)
    @_ID
    @signed_in
    def run(terminal: Terminal, *, run_id: str) -> None:
        _act(terminal, run_id, action)

    return run


@click.command("watch")
@_ID
@signed_in
def watch(terminal: Terminal, *, run_id: str) -> None:
    """Watch a run until it is over: steps, who has moved, who has not. Ctrl-C leaves; the run goes on."""
    watch_run(terminal, terminal.revocations.show(run_id))


@click.command("show")
@_ID
@signed_in
def show(terminal: Terminal, *, run_id: str) -> None:
    """Show a plan or a run as it is now, with everybody who has not moved."""
    run = terminal.revocations.show(run_id)
    terminal.document(run.document)
    if run.has_begun:
        terminal.say(progress_page(run, terminal.late(run), leave=False))
    else:
        terminal.say(plan_page(run))
    if run.allowed:
        terminal.say(f"Allowed now: {', '.join(run.allowed)}")


@click.command("list")
@click.option("--account", metavar="NAME", help="Only those of this account.")
@signed_in
def list_runs(terminal: Terminal, *, account: str | None) -> None:
    """List plans and runs."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in ("id", "account", "state", "reason", "mode", "lever", "target", "moved"):
        table.add_column(column, overflow="fold")
    for run in terminal.revocations.list(account):
        terminal.document(run.document)
        moved = f"{run.moved}/{run.total}" if run.total else "-"
        cells = (run.id, run.account, run.state, run.reason, run.mode, run.lever, run.target, moved)
        table.add_row(*map(Text, cells))
    terminal.say(table if table.row_count else "There is none.")


@click.command("approve")
@_ID
@confirmed
@signed_in
def approve(terminal: Terminal, *, run_id: str, confirmation: Confirmation) -> None:
    """Be the second pair of eyes: see the plan, and type the account's name. The planner cannot."""
    run = terminal.revocations.show(run_id)
    terminal.say(plan_page(run))
    terminal.say(cost_line(run))
    confirmation.of(terminal, run.account, "approve")
    _told(terminal, terminal.revocations.act(run, "approve"), "approve")


@click.command("extend")
@_ID
@click.option("--deadline", "until", metavar="PT30M|INSTANT", required=True, help="From now, or when.")
@signed_in
def extend(terminal: Terminal, *, run_id: str, until: str) -> None:
    """Give those who have not moved more time."""
    try:
        body = {"deadline": deadline(until)}
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--deadline") from None
    _act(terminal, run_id, "extend", body)


@click.command("excuse")
@_ID
@click.argument("consumer")
@signed_in
def excuse(terminal: Terminal, *, run_id: str, consumer: str) -> None:
    """Leave one CONSUMER behind, named as the run names it (team/application/profile): its tokens will die."""
    _act(terminal, run_id, "excuse", {"consumer": consumer})


@click.command("commit")
@_ID
@confirmed
@signed_in
def commit(terminal: Terminal, *, run_id: str, confirmation: Confirmation) -> None:
    """Cut although somebody has not moved. Their tokens die; the list goes on record first."""
    run = terminal.revocations.show(run_id)
    terminal.say(progress_page(run, terminal.late(run), leave=False))
    confirmation.of(terminal, run.account, "cut although they have not moved")
    _told(terminal, terminal.revocations.act(run, "commit"), "commit")


@click.command("evidence")
@_ID
@click.option("--output", type=click.Path(path_type=Path), help="Write it to this new file, byte for byte.")
@signed_in
def evidence(terminal: Terminal, *, run_id: str, output: Path | None) -> None:
    """Fetch the signed evidence of a run."""
    content = terminal.revocations.evidence(run_id)
    if output is None:
        click.echo(content, nl=False)
        return
    try:
        with output.open("xb") as file:
            file.write(content)
    except OSError as error:
        terminal.stop(Exit.REFUSED, f"{output}: {error.strerror}")
    terminal.say(f"wrote {output} ({len(content)} bytes)")


def _act(terminal: Terminal, run_id: str, action: str, body: Mapping[str, object] | None = None) -> None:
    _told(terminal, terminal.revocations.act(terminal.revocations.show(run_id), action, body), action)


def _told(terminal: Terminal, run: RevocationShown, action: str) -> None:
    terminal.document(run.document)
    terminal.say(f"{action}: done. {run.id} is {run.state}. Watch it: {command('watch', run.id)}")


RUN_COMMANDS = (
    watch,
    show,
    list_runs,
    approve,
    *(_plain(action, purpose) for action, purpose in _PLAIN.items()),
    extend,
    excuse,
    commit,
    evidence,
)
