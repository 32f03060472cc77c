"""A run under way as a page, and as lines where no page can be drawn: steps, who has moved, what it waits for."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sas_service.cli.revocation.words import clock, command
from sas_service.client.documents import OVER, RevocationShown

_MARKS = {"done": "✓", "running": "▸", "pending": "·"}
_STYLES = {"done": "green", "running": "bold", "pending": "dim"}
_SHOWN = 12
"""Names of late consumers on the page; the rest is counted, and `revoke show` has them all."""

_MORE = {
    "extend": " --deadline PT30M",
    "excuse": " CONSUMER",
}
_OFFERED = ("extend", "excuse", "commit", "resume", "pause", "abort")


def progress_page(
    run: RevocationShown, late: tuple[str, ...], trouble: str = "", *, leave: bool = True
) -> RenderableType:
    """Return the page of this moment; ``trouble`` is why the newest look at it failed, ``leave`` tells of Ctrl-C."""
    heading = f"{run.id}  {run.account}  {run.mode}, lever {run.lever}: {run.state}"
    parts: list[RenderableType] = [Text(heading, style="bold"), _steps(run)]
    if run.total:
        parts.append(_bar(run))
    parts += [Text(line) for line in _late(late, every=not leave)]
    parts += [Text(line, style="yellow") for line in waiting(run)]
    if trouble:
        parts.append(Text(f"{trouble}; trying again, the run goes on meanwhile", style="red"))
    if leave and run.state not in OVER:
        parts.append(Text("Ctrl-C leaves; the run goes on.", style="dim"))
    return Group(*parts)


def waiting(run: RevocationShown) -> Iterator[str]:
    """Yield what a run waits for, what that means, what helps, and what to type."""
    if run.state not in {"waiting", "paused"}:
        return
    code = run.said("waitingCode")
    if run.state == "paused":
        yield f"Paused. Go on: {command('resume', run.id)}"
        return
    yield f"Waiting for you: {run.said('waitingFor') or code or 'no reason given'}"
    if run.said("remedy"):
        yield f"  What helps: {run.said('remedy')}"
    for action in (each for each in _OFFERED if each in run.allowed):
        yield f"    {command(action, run.id, _MORE.get(action, ''))}"
    if "approve" in run.allowed:
        yield "  To leave anybody behind (excuse, commit), somebody else must agree first, and types:"
        yield f"    {command('approve', run.id)}"


def lines(
    before: RevocationShown | None, run: RevocationShown, late: tuple[str, ...], late_before: tuple[str, ...]
) -> Iterator[str]:
    """Yield what has changed since ``before``, a line each: for logs and for terminals that cannot redraw."""
    was = {step.name: step.state for step in before.steps} if before else {}
    for step in run.steps:
        if step.state != was.get(step.name, "pending"):
            yield f"{step.name}: {step.state}" + (f" ({step.missing})" if step.missing else "")
    if run.total and (before is None or (before.moved, before.total, late_before) != (run.moved, run.total, late)):
        named = f"; not moved: {', '.join(late)}" if late else ""
        yield f"{run.moved} of {run.total} consumers have moved{named}"
    if before is None or before.state != run.state or before.said("waitingCode") != run.said("waitingCode"):
        yield f"state: {run.state}"
        yield from waiting(run)


def _steps(run: RevocationShown) -> Table:
    table = Table.grid(padding=(0, 1))
    for step in run.steps:
        what = step.missing if step.state == "running" and step.missing else step.purpose
        style = _STYLES.get(step.state, "")
        table.add_row(*(Text(cell, style=style) for cell in (_MARKS.get(step.state, "?"), step.name, what)))
    return table


def _bar(run: RevocationShown) -> Table:
    table = Table.grid(padding=(0, 1))
    until = run.when("deadline")
    told = f"{run.moved} of {run.total} consumers have moved" + (f", deadline {clock(until)}" if until else "")
    table.add_row(ProgressBar(total=run.total, completed=run.moved, width=30), Text(told))
    return table


def _late(late: tuple[str, ...], *, every: bool) -> Iterator[str]:
    shown = late if every else late[:_SHOWN]
    if shown:
        yield "Not moved:"
        yield from (f"  {name}" for name in shown)
    if len(late) > len(shown):
        yield f"  and {len(late) - len(shown)} more"
