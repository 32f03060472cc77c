"""A plan as a page: what each lever costs and whom, what is recommended and why, what is in the way."""

from collections.abc import Iterator

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sas_service.cli.revocation.words import clock, counted, expected
from sas_service.client.documents import LeverShown, RadiusShown, RevocationShown
from sas_service.client.reading import text, texts

COLUMNS = (
    "lever",
    "tokens meant",
    "tokens of others that die too",
    "can be undone",
    "Azure calls",
    "expected time",
    "all expired by itself",
)


def plan_page(run: RevocationShown) -> RenderableType:
    """Return the whole page."""
    parts: list[RenderableType] = [
        Text(f"Plan {run.id}: {run.reason}, {run.target}, {run.mode}, account {run.account}")
    ]
    parts += [_levers(run), *_advice(run), *_obstacles(run)]
    by_itself, expires = run.when("wouldExpireBy"), run.when("expiresAt")
    parts += [Text(f"All that is meant expires by itself until {clock(by_itself)}.")] if by_itself else []
    parts += [Text(f"The plan expires {clock(expires)}; nothing has been changed.")] if expires else []
    return Group(*parts)


def cost_line(run: RevocationShown) -> str:
    """Return in one sentence what starting costs."""
    chosen = next((each for each in run.levers if each.lever == run.lever), None)
    if chosen is None:
        return f"This starts {run.id} on {run.account}."
    undone = "This can be undone." if chosen.reversible else "This cannot be undone: a regenerated key is gone."
    others = counted(chosen.collateral.total, "token")
    meant = counted(chosen.intended.total, "token")
    if run.mode == "emergency":
        return f"EMERGENCY, lever {run.lever}: {meant} and {others} of others die at once, moved or not. {undone}"
    moves = "expire by themselves first" if run.mode == "graceful" else "are replaced by their applications first"
    return f"{run.mode}, lever {run.lever}: {meant} end, and {others} of others; they {moves}. {undone}"


def _levers(run: RevocationShown) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in COLUMNS:
        table.add_column(column, overflow="fold")
    recommended = run.said("recommended")
    for lever in run.levers:
        marks = [
            word
            for word, holds in (("chosen", lever.lever == run.lever), ("recommended", lever.lever == recommended))
            if holds
        ]
        name = f"{lever.lever} ({', '.join(marks)})" if marks else lever.lever
        cut = f"\ncuts {lever.cuts}" if lever.cuts else ""
        table.add_row(*map(Text, (name + cut, *_cells(lever))), style="bold" if lever.lever == run.lever else "")
    return table


def _cells(lever: LeverShown) -> Iterator[str]:
    missed = f"\n{lever.missed.total} more are not reached" if lever.missed.total else ""
    yield _radius(lever.intended) + missed
    yield _radius(lever.collateral)
    yield "yes" if lever.reversible else "no"
    yield lever.calls or "?"
    yield expected(lever.expected)
    ends = [each.last_expiry for each in (lever.intended, lever.collateral) if each.last_expiry]
    yield clock(max(ends)) if ends else "-"


def _radius(radius: RadiusShown) -> str:
    return "\n".join([str(radius.total), *(f"{count} {who}" for who, count in radius.by)])


def _advice(run: RevocationShown) -> Iterator[RenderableType]:
    if run.said("recommended"):
        yield Text(f"Recommended: {run.said('recommended')}: {run.said('why')}")
    for warning in run.listed("warnings"):
        yield Text(f"Warning: {warning}", style="yellow")
    need, have = run.approvals
    if need > have:
        yield Text(f"Somebody else must approve it: {have} of {need} so far.", style="yellow")


def _obstacles(run: RevocationShown) -> Iterator[RenderableType]:
    if run.state != "blocked":
        return
    yield Text("Blocked:", style="bold red")
    for obstacle in run.obstacles:
        ways = "; ".join(texts(obstacle.get("waysOut")))
        yield Text(f"  - {text(obstacle, 'what')}" + (f"\n    ways out: {ways}" if ways else ""))
    earliest = run.when("earliestStart")
    yield Text(f"Earliest start: {clock(earliest)}" if earliest else "Waiting alone does not help.")
