"""Watching a run to its end: it is read again and again; nothing here changes it, and no failure ends it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.live import Live

from sas_service.cli.revocation.exits import Exit
from sas_service.cli.revocation.patience import looked_at
from sas_service.cli.revocation.progress_page import lines, progress_page
from sas_service.cli.revocation.terminal import Terminal
from sas_service.cli.revocation.words import command, until_now
from sas_service.client.documents import OVER, RevocationShown

Show = Callable[[RevocationShown, tuple[str, ...], str], None]
Look = tuple[RevocationShown, tuple[str, ...]]
Until = Callable[[RevocationShown], bool]


def watch(terminal: Terminal, run: RevocationShown) -> None:
    """Show ``run`` until it is over, and leave with how it ended; Ctrl-C leaves it to itself."""
    try:
        with _page(terminal) as show:
            ended = follow(terminal, run.id, show, lambda now: now.state in OVER)
    except KeyboardInterrupt:
        terminal.stop(Exit.STILL_OPEN, "", *_left(run))
    _summary(terminal, ended)
    raise SystemExit(int(Exit.DONE if ended.state == "completed" else Exit.NOT_COMPLETED))


def await_approval(terminal: Terminal, run: RevocationShown) -> RevocationShown:
    """Wait until somebody else has approved the plan, or it has expired."""
    terminal.say("Somebody else must approve this plan. Ask them to type:")
    terminal.say(f"    {command('approve', run.id)}")
    terminal.say("Waiting for it; Ctrl-C leaves, and nothing is started.")
    try:
        return follow(
            terminal, run.id, lambda *_: None, lambda now: "start" in now.allowed or "approve" not in now.allowed
        )
    except KeyboardInterrupt:
        terminal.stop(Exit.STILL_OPEN, "", f"Nothing is started. Once approved: {command('start', run.id)}")


def follow(terminal: Terminal, run: str, show: Show, until: Until) -> RevocationShown:
    """Read the run until ``until`` holds, with everybody who has not moved. Raises Refused as ``looked_at`` does."""
    seen: list[Look] = []

    def read() -> Look:
        now = terminal.revocations.show(run)
        last = seen[-1] if seen else None
        # Where the run names nobody they are asked for, and not again while their number is the same.
        same = last is not None and now.late is None and (last[0].moved, last[0].total) == (now.moved, now.total)
        seen[:] = [(now, last[1] if last and same else terminal.late(now))]
        return seen[0]

    def trouble(why: str) -> None:
        if seen:
            show(*seen[0], why)

    return looked_at(
        read,
        every=terminal.every,
        show=lambda look: show(*look, ""),
        trouble=trouble,
        until=lambda look: until(look[0]),
    )[0]


@contextmanager
def _page(terminal: Terminal) -> Iterator[Show]:
    if terminal.as_json:
        yield _Documents(terminal).show
    elif terminal.out.is_terminal:
        with Live(console=terminal.out, auto_refresh=False) as live:
            yield lambda run, late, trouble: live.update(progress_page(run, late, trouble), refresh=True)
    else:
        yield _Lines(terminal).show


class _Documents:
    """For programs: every document that differs from the one before."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._before: object = None

    def show(self, run: RevocationShown, late: tuple[str, ...], trouble: str) -> None:
        """Print it if it is new."""
        del late
        if trouble:
            self._terminal.note(f"{trouble}; trying again")
        elif run.document != self._before:
            self._before = run.document
            self._terminal.document(run.document)


class _Lines:
    """For logs: a line for whatever has changed."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._before: RevocationShown | None = None
        self._late: tuple[str, ...] = ()

    def show(self, run: RevocationShown, late: tuple[str, ...], trouble: str) -> None:
        """Print what is new."""
        if trouble:
            self._terminal.note(f"{trouble}; trying again, the run goes on meanwhile")
            return
        for line in lines(self._before, run, late, self._late):
            self._terminal.say(line)
        self._before, self._late = run, late


def _left(run: RevocationShown) -> list[str]:
    rows = [("watch", "look again"), ("pause", "hold everything"), ("abort", "walk back, before the first cut")]
    return ["You have left; the run goes on.", *(f"  {command(word, run.id):<60}  {what}" for word, what in rows)]


def _summary(terminal: Terminal, run: RevocationShown) -> None:
    took = until_now(run.when("startedAt")) if run.state == "completed" else ""
    moved = f"; {run.moved} of {run.total} consumers had moved" if run.total else ""
    terminal.say(f"{run.id}: {run.state}{took}{moved}.")
    if run.said("casualties") not in {"", "0"}:
        terminal.say(f"Tokens that died unreplaced: {run.said('casualties')}; who had them is on record.")
    terminal.say(f"Evidence: {command('evidence', run.id, ' --output FILE')}")
