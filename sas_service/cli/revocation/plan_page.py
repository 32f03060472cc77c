"""A plan as a page: what each lever costs and whom, what is recommended and why, what is in the way."""

from collections.abc import Callable, Iterator, Mapping

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sas_service.cli.revocation.words import clock, counted, expected
from sas_service.client.documents import LeverShown, RadiusShown, RevocationShown
from sas_service.client.reading import text, texts


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
    if run.mode == "expedited" and run.said("onDeadline") == "proceed":
        moves = "are replaced by their applications first, and what is not by the deadline dies all the same"
    return f"{run.mode}, lever {run.lever}: {meant} end, and {others} of others; they {moves}. {undone}"


def _levers(run: RevocationShown) -> Table:
    """One column for each lever, which fits a narrow terminal, and one row for each thing to compare."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("lever")
    for lever in run.levers:
        table.add_column(Text(_name(lever, run)), overflow="fold", style="bold" if lever.lever == run.lever else "")
    for what, cell in ROWS.items():
        table.add_row(what, *(Text(cell(lever)) for lever in run.levers))
    return table


def _name(lever: LeverShown, run: RevocationShown) -> str:
    known = {"chosen": run.lever, "recommended": run.said("recommended")}
    marks = [mark for mark, name in known.items() if name == lever.lever]
    return f"{lever.lever} ({', '.join(marks)})" if marks else lever.lever


def _meant(lever: LeverShown) -> str:
    missed = f"\n{lever.missed.total} more are not reached" if lever.missed.total else ""
    return _radius(lever.intended) + missed


def _last_expiry(lever: LeverShown) -> str:
    return clock(max(filter(None, (lever.intended.last_expiry, lever.collateral.last_expiry)), default=None))


def _radius(radius: RadiusShown) -> str:
    return "\n".join([str(radius.total), *(f"{who}: {count}" for who, count in radius.by)])


ROWS: Mapping[str, Callable[[LeverShown], str]] = {
    "cuts": lambda lever: lever.cuts.replace(", ", "\n") or "-",
    "tokens meant": _meant,
    "of others, that die too": lambda lever: _radius(lever.collateral),
    "can be undone": lambda lever: "yes" if lever.reversible else "no",
    "Azure calls": lambda lever: lever.calls.replace(", ", "\n") or "-",
    "expected time": lambda lever: expected(lever.expected),
    "all expired by itself": _last_expiry,
}


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
