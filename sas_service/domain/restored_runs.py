"""The journal as its events tell it: a run that was under way comes back, and holds until a person has looked at Azure.

The event of a start repeats the whole entry; what followed is folded over it. Canaries, probes and streaks are in no
event: they are signed and counted anew. Of a run whose entry is nowhere (an older release did not repeat it) there is
at least what it sent and cut, and the account is held until somebody has ended it by name.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sas_service.domain.audit import EventKind
from sas_service.domain.cuts import IDENTITY, KEY, Cut
from sas_service.domain.iso8601 import parse_instant
from sas_service.domain.restored_intents import answered, intended
from sas_service.domain.restored_plans import REPAIR, bare_run
from sas_service.domain.revocations import State
from sas_service.domain.run_documents import read_run_document
from sas_service.domain.runs import CUTTING_STEPS, PROVEN_KEYS, Revocation, StepRecord, is_open, resumed

Members = Mapping[str, Any]

RESTORED, LOST = "restored", "journal-lost"
"""The codes of what a person is asked for: to look and go on, or to end what cannot go on."""

_WAITS = {
    RESTORED: "Redis had lost this run, and it was restored from events: look at the account, then resume or abort",
    LOST: "Redis had lost this run, and its events do not hold its plan: resume ends it; then plan anew",
}


class RunsTold:
    """The runs of one account: what the log still ``has`` of them, and what lost events say beyond that."""

    def __init__(self, account: str, has: Iterable[Revocation] = ()) -> None:
        self._account = account
        self._had = {each.id: each for each in has}
        self._told = dict(self._had)
        self._planned: dict[str, Members] = {}

    @property
    def changed(self) -> tuple[Revocation, ...]:
        """What has to be written, each with the revision after its own; one that is open waits for a person."""
        news = (each for each in self._told.values() if self._had.get(each.id) != each)
        return tuple(replace(_held(each), revision=each.revision + 1) for each in news)

    @property
    def running(self) -> str | None:
        """The id of the run that holds the account."""
        return next((each.id for each in reversed(self._told.values()) if is_open(each)), None)

    def fold(self, members: Members, *, epoch: int) -> None:
        """Take one event in; ``epoch`` is the account's, as far as the events before it say. Any may come again."""
        kind, name = members["kind"], members.get("revocation")
        if not isinstance(name, str):
            return
        at = parse_instant(members["at"])
        if kind == EventKind.REVOCATION_PLANNED:
            self._planned[name] = members
        elif kind == EventKind.REVOCATION_DECIDED and members.get("action") == "start":
            self._start(name, members, at)
        elif kind == EventKind.REVOCATION_ENDED and "entry" in members and name not in self._told:
            self._told[name] = _read(members) or self._bare(name, at, State.COMPLETED)
        elif name in self._told and kind in _CHANGES:
            self._change(name, kind, members, at, epoch)

    def _start(self, name: str, members: Members, at: datetime) -> None:
        known = self._told.get(name)
        if known is not None and known.started_at is not None:
            return
        base = None if known is None else replace(known, state=State.PAUSED, started_at=at, aborting=REPAIR)
        self._told[name] = _read(members) or base or self._bare(name, at, State.PAUSED)
        adopted = self._told.get(members.get("adopts") or "")
        if adopted is not None and is_open(adopted):
            ended = replace(adopted, state=State.ABORTED, preempted_by=name, ended_at=at, canaries={})
            self._told[adopted.id] = ended

    def _bare(self, name: str, at: datetime, state: State) -> Revocation:
        return bare_run(name, self._account, self._planned.get(name, {}), at, state)

    def _change(self, name: str, kind: str, members: Members, at: datetime, epoch: int) -> None:
        before = self._told[name]
        after = _CHANGES[kind](before, members, at)
        if kind == EventKind.REVOCATION_STEP:
            after = _with_cuts(after, members["step"], epoch, at)
        if after == before:
            return
        # Moved to the end: of several that began, the one that was last heard of is the one that held the account.
        del self._told[name]
        self._told[name] = after
        if is_open(after) and kind != EventKind.REVOCATION_DECIDED:
            self._alone(name, at)

    def _alone(self, name: str, at: datetime) -> None:
        """End what was to begin beside it, and did not: one run holds an account."""
        for each in tuple(self._told.values()):
            if each.id != name and is_open(each):
                self._told[each.id] = replace(each, state=State.ABORTED, preempted_by=name, ended_at=at, canaries={})


def _read(members: Members) -> Revocation | None:
    try:
        return read_run_document(members["entry"])
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _held(run: Revocation) -> Revocation:
    if not is_open(run):
        return run
    code = LOST if run.aborting == REPAIR else RESTORED
    return replace(run, state=State.PAUSED, waiting_for=_WAITS[code], waiting_code=code)


def _with_cuts(run: Revocation, step: str, epoch: int, at: datetime) -> Revocation:
    """Return it with what a cutting step took away: what the plan says, and what was sent."""
    if step not in CUTTING_STEPS:
        return run
    kill, kind = run.plan.chosen.direction.kill, KEY if step == "regenerate-key" else IDENTITY
    planned = [kill.key.value] if kind == KEY and kill.key else sorted(kill.identities) if kind == IDENTITY else []
    sent = [each.name for each in run.intents if each.step == step]
    fresh = [each for each in dict.fromkeys((*planned, *sent)) if each not in {cut.name for cut in run.cuts}]
    return replace(run, cuts=(*run.cuts, *(Cut(kind, each, epoch, at) for each in fresh)))


def _stepped(run: Revocation, members: Members, at: datetime) -> Revocation:
    name, evidence = members["step"], members.get("evidence") or {}
    known = next((each for each in run.steps if each.name == name), None)
    if known is None:
        # A bare run has no steps to go back through; but what it cut is looked for in those that have some.
        done = StepRecord(name, begun=at, done=at, evidence=evidence)
        return replace(run, steps=(*run.steps, done)) if name in CUTTING_STEPS else run
    if known.done:
        return run
    run = replace(run, key_fingerprints={**run.key_fingerprints, **evidence.get(PROVEN_KEYS, {})})
    return run.with_step(replace(known, begun=known.begun or at, done=at, missing="", evidence=evidence))


def _ended(run: Revocation, members: Members, at: datetime) -> Revocation:
    by = run.preempted_by or members.get("lockdown")
    ended = replace(run, state=State(members["state"]), ended_at=run.ended_at or at, canaries={}, preempted_by=by)
    return replace(ended, waiting_for=None, waiting_code=None)


def _decided(run: Revocation, members: Members, at: datetime) -> Revocation:
    decided = _DECISIONS.get(members.get("action", ""))
    return run if decided is None or run.ended_at else decided(run, members, at)


def _paused(run: Revocation, _members: Members, _at: datetime) -> Revocation:
    return replace(run, state=State.PAUSED, waiting_for=None, waiting_code=None) if is_open(run) else run


def _resumed(run: Revocation, members: Members, at: datetime) -> Revocation:
    if not is_open(run):
        return run
    return resumed(replace(run, waiting_code=members.get("waitedFor")), at)


def _extended(run: Revocation, members: Members, _at: datetime) -> Revocation:
    return replace(run, deadline=parse_instant(members["deadline"]), warned=0)


def _excused(run: Revocation, members: Members, _at: datetime) -> Revocation:
    return replace(run, excused=run.excused | {members["consumer"]})


def _forced(run: Revocation, members: Members, _at: datetime) -> Revocation:
    return replace(run, forced_by=_who(members))


def _aborted(run: Revocation, members: Members, at: datetime) -> Revocation:
    if is_open(run):
        return replace(run, aborting=run.aborting or _who(members), state=State.RUNNING)
    return replace(run, state=State.ABORTED, ended_at=at)


def _approved(run: Revocation, members: Members, _at: datetime) -> Revocation:
    return replace(run, approved_by=tuple(dict.fromkeys((*run.approved_by, _who(members)))))


def _who(members: Members) -> str:
    return str((members.get("caller") or {}).get("objectId", ""))


def _casualties(run: Revocation, members: Members, _at: datetime) -> Revocation:
    return replace(run, casualties=run.casualties | set(members["tokens"]))


def _warned(run: Revocation, members: Members, _at: datetime) -> Revocation:
    return replace(run, warned=max(run.warned, members["percent"]))


_Change = Callable[[Revocation, Members, datetime], Revocation]
_DECISIONS: Mapping[str, _Change] = {
    "approve": _approved,
    "pause": _paused,
    "resume": _resumed,
    "extend": _extended,
    "excuse": _excused,
    "commit": _forced,
    "abort": _aborted,
}
_CHANGES: Mapping[str, _Change] = {
    EventKind.REVOCATION_DECIDED: _decided,
    EventKind.REVOCATION_STEP: _stepped,
    EventKind.REVOCATION_ENDED: _ended,
    EventKind.CASUALTIES: _casualties,
    EventKind.CONSUMERS_LATE: _warned,
    EventKind.AZURE_WRITE_INTENDED: intended,
    EventKind.AZURE_WRITE_ANSWERED: answered,
}
