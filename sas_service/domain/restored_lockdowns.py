"""Lockdowns as their events tell them: an account that was closed is closed after a repair, whatever else is missing.

Whatever leaves a doubt is read as closed: a lockdown that is there too much is released by the ordinary, guarded way.
Canaries cannot come back, since no event holds what they were signed with; their step goes on without them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sas_service.domain.audit import EventKind
from sas_service.domain.iso8601 import parse_instant
from sas_service.domain.lockdowns import NEW_KEYS, SEE_KEYS, Lockdown, LockdownState
from sas_service.domain.restored_intents import answered, intended
from sas_service.domain.revocations import Reason
from sas_service.domain.runs import StepRecord

Members = Mapping[str, Any]


class LockdownsTold:
    """The lockdowns of one account: what the log still ``has`` of them, and what lost events say beyond that."""

    def __init__(self, account: str, has: Iterable[Lockdown] = ()) -> None:
        self._account = account
        self._had = {each.id: each for each in has}
        self._told = dict(self._had)

    @property
    def changed(self) -> tuple[Lockdown, ...]:
        """What has to be written: everything that is not as the log has it, each with the revision after its own."""
        return tuple(replace(each, revision=each.revision + 1) for each in self._told.values() if self._is_news(each))

    @property
    def holding(self) -> Lockdown | None:
        """The lockdown that holds the account: the newest that is not over."""
        return next((each for each in reversed(self._told.values()) if not each.is_over), None)

    def fold(self, members: Members, *, epoch: int) -> None:
        """Take one event in; ``epoch`` is the account's, as far as the events before it say. Any may come again."""
        kind, name = members["kind"], members.get("lockdown")
        change = _CHANGES.get(kind)
        if change is None or not isinstance(name, str):
            return
        known = self._told.get(name)
        if known is None and kind == EventKind.LOCKDOWN_ENDED:
            return
        # Also without its first event, should that be in neither place: the account was closed.
        entry = known or _begun(self._account, name, members, epoch)
        if not entry.is_over:
            self._told[name] = change(entry, members, parse_instant(members["at"]))
            self._alone(name, members)

    def _alone(self, name: str, members: Members) -> None:
        """End what this one took over, and what never came to hold the account because this one did."""
        if members["kind"] not in {EventKind.LOCKDOWN_BEGUN, EventKind.LOCKDOWN_FROZEN}:
            return
        has_frozen = members["kind"] == EventKind.LOCKDOWN_FROZEN
        for each in tuple(self._told.values()):
            if each.id != name and not each.is_over and (has_frozen or each.id == members.get("instead")):
                at = parse_instant(members["at"])
                self._told[each.id] = replace(each, state=LockdownState.RELEASED, ended_at=at, canaries={})

    def _is_news(self, entry: Lockdown) -> bool:
        return self._had.get(entry.id) != entry


def _begun(account: str, name: str, members: Members, epoch: int) -> Lockdown:
    return Lockdown(
        id=name,
        account=account,
        reason=Reason(members.get("reason", Reason.KEY_COMPROMISE)),
        by=members.get("caller") or {},
        since=parse_instant(members["at"]),
        comment=members.get("comment"),
        epoch=epoch,
    )


def _as_it_is(entry: Lockdown, _members: Members, _at: datetime) -> Lockdown:
    return entry


def _frozen(entry: Lockdown, members: Members, _at: datetime) -> Lockdown:
    return replace(entry, epoch=members["slots"]["epoch"] - 1)


def _stepped(entry: Lockdown, members: Members, at: datetime) -> Lockdown:
    name, evidence = members["step"], members.get("evidence") or {}
    if name == SEE_KEYS:
        entry = replace(entry, fingerprints=evidence.get("fingerprints") or entry.fingerprints)
        if not entry.fingerprints:
            return entry  # an older release did not say them: they are looked at once more, and both made anew after
    if name == NEW_KEYS:
        # What is behind it is locked; the keys of before are what its release compares.
        seen = entry.with_step(_done(entry, SEE_KEYS, {}, at))
        before = evidence.get("before") or entry.fingerprints
        locked = LockdownState.LOCKED if entry.state is LockdownState.LOCKING else entry.state
        entry = replace(seen, fingerprints=before, cuts=entry.cuts or entry.dead_cuts(at), state=locked, missing="")
    return entry.with_step(_done(entry, name, evidence, at))


def _done(entry: Lockdown, name: str, evidence: Mapping[str, Any], at: datetime) -> StepRecord:
    known = entry.record(name)
    return known if known.done else replace(known, begun=known.begun or at, done=at, evidence=evidence)


def _breached(entry: Lockdown, _members: Members, at: datetime) -> Lockdown:
    return replace(entry, breached_at=entry.breached_at or at)


def _releasing(entry: Lockdown, members: Members, at: datetime) -> Lockdown:
    if entry.state is LockdownState.RELEASING:
        return entry
    by = members.get("caller") or {}
    return replace(entry, state=LockdownState.RELEASING, released_by=by, release_asked_at=at, missing="")


def _ended(entry: Lockdown, members: Members, at: datetime) -> Lockdown:
    left = members.get("keyFingerprints") or {}
    return replace(entry, state=LockdownState.RELEASED, ended_at=at, canaries={}, missing="", left=left)


_CHANGES: Mapping[str, Callable[[Lockdown, Members, datetime], Lockdown]] = {
    EventKind.LOCKDOWN_BEGUN: _as_it_is,
    EventKind.LOCKDOWN_FROZEN: _frozen,
    EventKind.LOCKDOWN_STEP: _stepped,
    EventKind.LOCKDOWN_BREACHED: _breached,
    EventKind.LOCKDOWN_RELEASING: _releasing,
    EventKind.LOCKDOWN_ENDED: _ended,
    EventKind.AZURE_WRITE_INTENDED: intended,
    EventKind.AZURE_WRITE_ANSWERED: answered,
}
