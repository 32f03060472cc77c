"""Shared tokens in dictionaries, under one lock."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from threading import Lock

from sas_service.adapters.memory.audit_log import MemoryAuditLog
from sas_service.adapters.memory.failing import Failing
from sas_service.adapters.memory.slots import MemorySlots
from sas_service.adapters.memory.suspensions import MemorySuspensions
from sas_service.domain.audit import AuditEvent, EventDraft, EventKind
from sas_service.domain.callers import Caller
from sas_service.domain.errors import EpochMoved, LeaseLost, Suspended
from sas_service.ports import Clock, Current, Flight, HandOut, NoneCurrent, Shared, SharedName, Wait

GRACE = timedelta(seconds=5)
_Tally = tuple[datetime, str, SharedName, Caller]


class MemorySharedTokens(Failing):
    """The port ``SharedTokens``; ``clock`` is the store's own, ``fail_with`` lets the next calls raise."""

    def __init__(
        self, *, clock: Clock, slots: MemorySlots, suspensions: MemorySuspensions, audit_log: MemoryAuditLog
    ) -> None:
        super().__init__()
        self._clock = clock
        self._slots = slots
        self._suspensions = suspensions
        self._audit_log = audit_log
        self._current: dict[SharedName, Shared] = {}
        self._used: set[str] = set()
        self._flights: dict[SharedName, tuple[int, str, datetime]] = {}
        self._ended: Counter[str] = Counter()
        self._generations: dict[SharedName, int] = {}
        self._began: dict[SharedName, int] = {}
        self._tallies: Counter[_Tally] = Counter()
        self._fences = 0
        self._guard = Lock()

    def hand_out(self, wish: HandOut) -> Current | NoneCurrent:
        """Return the current token for a caller and count it. Raises Suspended."""
        self._fail_if_told()
        with self._guard:
            self._not_suspended(wish)
            shared = self._current.get(wish.name)
            if shared is None:
                return NoneCurrent("")
            record = shared.record
            if not self._is_of_today(wish.name, shared) or wish.now > shared.schedule.last:
                return NoneCurrent(record.id)
            if wish.after and record.id.rpartition(".")[2] <= wish.after.rpartition(".")[2]:
                return NoneCurrent(record.id, record.issued_at)
            self._tallies[wish.now.replace(second=0, microsecond=0), record.id, wish.name, wish.caller] += 1
            self._used.add(record.id)
            return Current(None if record.id == wish.known else shared)

    def peek(self, name: SharedName) -> tuple[str, datetime] | None:
        """Return id and time of refresh of the token that lies there, if it was ever handed out."""
        with self._guard:
            shared = self._current.get(name)
            return (shared.record.id, shared.schedule.refresh) if shared and shared.record.id in self._used else None

    def take_flight(self, name: SharedName, holder: str, *, seen: str, lasts: timedelta) -> Flight | Wait | None:
        """Return the right to make the next token."""
        self._fail_if_told()
        with self._guard:
            shared, now = self._current.get(name), self._clock.now()
            if (shared.record.id if shared else "") != seen:
                return None
            _, taken_by, until = self._flights.get(name, (0, "", now))
            if until > now:
                return Wait(until - now, rests=not taken_by)
            self._fences += 1
            self._flights[name] = (self._fences, holder, now + lasts)
            self._began[name] = self._ended[name.account]
            return Flight(name, self._fences)

    def put(self, flight: Flight, shared: Shared) -> None:
        """Make a token the current one and end the flight."""
        self._fail_if_told()
        with self._guard:
            if self._flights[flight.name][0] != flight.fence:
                raise LeaseLost("Another process has made the shared token meanwhile.")
            self._flights[flight.name] = (flight.fence, "", self._clock.now())
            generation, account = self._began[flight.name], flight.name.account
            if (self._slots.read(account).epoch, self._ended[account]) != (shared.record.grant.epoch, generation):
                raise EpochMoved("The account's slot was switched, or its key made anew, meanwhile.")
            self._current[flight.name] = shared
            self._generations[flight.name] = generation

    def end_generation(self, account: str) -> None:
        """Hear that the key generation behind the account's current tokens is gone."""
        self._fail_if_told()
        with self._guard:
            self._ended[account] += 1

    def rest(self, flight: Flight, lasts: timedelta) -> None:
        """End a flight that brought nothing: nobody may try again for ``lasts``."""
        with self._guard:
            if self._flights[flight.name][0] == flight.fence:
                self._flights[flight.name] = (flight.fence, "", self._clock.now() + lasts)

    def fold(self, accounts: Sequence[str], now: datetime) -> tuple[AuditEvent, ...]:
        """Write one event for each token, caller and minute that is over, with the count."""
        with self._guard:
            closed = (now - GRACE).replace(second=0, microsecond=0)
            over = [each for each in self._tallies if each[0] < closed and each[2].account in accounts]
            counted = [(each, self._tallies.pop(each)) for each in over]
        return tuple(event for each, count in counted for event in self._audit_log.append(_handed_out(each, count)))

    def _is_of_today(self, name: SharedName, shared: Shared) -> bool:
        """Tell whether the account is not frozen, at the token's epoch and at its key generation."""
        is_current = shared.record.grant.epoch == self._slots.read(name.account).epoch
        is_signed = self._generations[name] == self._ended[name.account]
        return is_current and is_signed and self._slots.frozen(name.account) is None

    def _not_suspended(self, wish: HandOut) -> None:
        named = (("team", wish.name.team), ("client", wish.caller.application_id), ("profile", wish.name.profile))
        for (kind, _), stopped in zip(named, self._suspensions.are_suspended(wish.name.account, named), strict=True):
            if stopped:
                raise Suspended(f"The {kind} is suspended.", kind=kind)


def _handed_out(tally: _Tally, count: int) -> EventDraft:
    minute, token, name, caller = tally
    return EventDraft(
        kind=EventKind.HANDED_OUT,
        at=minute,
        account=name.account,
        team=name.team,
        token=token,
        caller=caller.document(),
        details={"profile": name.profile, "count": count},
    )
