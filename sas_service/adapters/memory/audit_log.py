"""The audit log in memory: the same promises under one lock."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from threading import RLock

from sas_service.adapters.memory.denial_folds import DenialFolds
from sas_service.adapters.memory.event_store import EventStore
from sas_service.adapters.memory.failing import Failing
from sas_service.adapters.memory.reservation_checks import ReservationChecks
from sas_service.adapters.memory.slots import MemorySlots
from sas_service.adapters.memory.suspensions import MemorySuspensions
from sas_service.adapters.memory.token_store import TokenStore
from sas_service.adapters.record_changes import committed, redelivered, settled, superseded
from sas_service.domain.audit import AuditEvent, Denial, EventDraft, EventKind
from sas_service.domain.errors import EpochMoved, RecordConflict
from sas_service.domain.token_events import replaced
from sas_service.domain.tokens import TokenRecord, TokenState
from sas_service.ports import Clock, EventPage, EventQuery, Replay, Reservation, Reserved, TokenPage, TokenQuery

MAX_CLOCK_SKEW = timedelta(seconds=60)
MOST_FOLDS = 10_000


class MemoryAuditLog(Failing):
    """The port ``AuditLog``; ``clock`` is the log's own, ``fail_with`` lets the next writes raise.

    ``checks_epochs`` False leaves out what protects commits from a switch, to show what then happens.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        slots: MemorySlots,
        suspensions: MemorySuspensions,
        max_clock_skew: timedelta = MAX_CLOCK_SKEW,
        most_folds: int = MOST_FOLDS,
        checks_epochs: bool = True,
    ) -> None:
        super().__init__()
        self._guard = RLock()
        self._checks_epochs = checks_epochs
        self._slots = slots
        self._events = EventStore()
        self._tokens = TokenStore()
        self._folds = DenialFolds(self._events, most=most_folds)
        self._once: dict[tuple[str, str], str] = {}
        self._checks = ReservationChecks(
            clock=clock, slots=slots, suspensions=suspensions, tokens=self._tokens, max_clock_skew=max_clock_skew
        )

    def reserve(self, reservation: Reservation) -> Reserved | Replay:
        """Write the record as ``reserved`` and its event, if nothing speaks against it."""
        self._fail_if_told()
        with self._guard:
            if self._tokens.get(reservation.record.id):
                return Reserved(())
            replay = self._checks.check(reservation)
            if replay:
                return replay
            overdrawn = self._checks.overdraws(reservation)
            self._tokens.reserve(reservation)
            return Reserved((self._events.write(reservation.event),), overdrawn)

    def commit(self, record: TokenRecord, event: EventDraft) -> tuple[AuditEvent, ...]:
        """Turn a reservation into a live token."""
        self._fail_if_told()
        live = committed(record)
        with self._guard:
            if not self._tokens.is_open(live.id):
                return self._committed_before(live, event)
            self._check_epoch(live)
            old = self._superseded(live)
            self._tokens.commit(live)
            if not old:
                return (self._events.write(event),)
            self._tokens.keep(old)
            return self._events.write(event), self._events.write(replaced(old, event))

    def redeliver(self, record: TokenRecord, fingerprint: str, event: EventDraft) -> tuple[AuditEvent, ...]:
        """Add a fingerprint to a live record."""
        self._fail_if_told()
        with self._guard:
            done = [numbered for numbered, draft in self._events.of_token(event.stream, record.id) if draft == event]
            if done:
                return tuple(done)
            changed = redelivered(self._existing(record.id), fingerprint, event.at)
            self._check_epoch(changed)
            self._tokens.redeliver(changed)
            return (self._events.write(event),)

    def settle(self, record: TokenRecord, state: TokenState, event: EventDraft) -> tuple[AuditEvent, ...]:
        """Close a record as ``abandoned`` or ``refused``."""
        self._fail_if_told()
        with self._guard:
            stored = self._tokens.get(record.id)
            closed = settled(stored, record, state) if stored else None
            if closed is None:
                return ()
            self._tokens.close(closed)
            return (self._events.write(event),)

    def deny(self, denial: Denial) -> tuple[AuditEvent, ...]:
        """Record a refusal; equal ones are folded."""
        self._fail_if_told()
        with self._guard:
            return self._folds.deny(denial)

    def flush_denials(self, now: datetime) -> tuple[AuditEvent, ...]:
        """Write the folded events whose minute is over."""
        with self._guard:
            return self._folds.flush(now)

    def append(self, event: EventDraft, *, once: str | None = None) -> tuple[AuditEvent, ...]:
        """Append an event, with ``once`` only if that key was not the last one of its prefix."""
        self._fail_if_told()
        with self._guard:
            if once is not None:
                prefix = (event.stream, once.partition(":")[0])
                if self._once.get(prefix) == once:
                    return ()
                self._once[prefix] = once
            return (self._events.write(event),)

    def token(self, token_id: str) -> TokenRecord | None:
        """Return the record of a token id, or None."""
        with self._guard:
            return self._tokens.get(token_id)

    def token_by_fingerprint(self, accounts: Sequence[str], fingerprint: str) -> TokenRecord | None:
        """Return the record that has this fingerprint, or None."""
        with self._guard:
            return self._tokens.by_fingerprint(accounts, fingerprint)

    def tokens(self, query: TokenQuery, *, cursor: str | None, limit: int) -> TokenPage:
        """List records by time issued, newest first."""
        with self._guard:
            return self._tokens.page(query, cursor=cursor, limit=limit)

    def events(self, query: EventQuery, *, cursor: str | None, limit: int) -> EventPage:
        """List events, newest first."""
        with self._guard:
            return self._events.page(query, cursor=cursor, limit=limit)

    def last(self, stream: str) -> int:
        """Return the number of the newest event (the port ``EventStreams``)."""
        with self._guard:
            return self._events.last(stream)

    def floor(self, stream: str) -> int:
        """Return the number of the newest event: a stream in memory cannot be missing (the port ``StreamEnds``)."""
        return self.last(stream)

    def after(self, stream: str, seq: int, limit: int) -> tuple[AuditEvent, ...]:
        """Return events with greater numbers, the oldest first (the port ``EventStreams``)."""
        with self._guard:
            return self._events.after(stream, seq, limit)

    def remove(self, stream: str, events: Sequence[AuditEvent], tokens: Sequence[str]) -> None:
        """Take the beginning of a stream and the records of these tokens away (the port ``Aging``)."""
        self._fail_if_told()
        with self._guard:
            self._events.remove(stream, events)
            for token in tokens:
                self._tokens.remove(token)

    def restore_record(self, record: TokenRecord, *, committed: bool) -> None:
        """Write a record with all its indexes (``LogRepair``)."""
        with self._guard:
            self._tokens.restore(record, committed=committed)

    def restore_event(self, event: AuditEvent, draft: EventDraft) -> bool:
        """Append an event under its own number (``LogRepair``)."""
        with self._guard:
            return self._events.restore(event, draft)

    def identities_in_use(self, account: str, now: datetime) -> Mapping[str, int]:
        """Return identity name -> number of unexpired tokens that hang on it."""
        with self._guard:
            return self._tokens.identities_in_use(account, now)

    def unexpired(self, account: str, now: datetime) -> tuple[TokenRecord, ...]:
        """Return every record that is not refused and expires after ``now`` (the port ``TokenCensus``)."""
        with self._guard:
            return self._tokens.unexpired(account, now)

    def due(self, account: str, now: datetime, limit: int) -> tuple[TokenRecord, ...]:
        """Return tokens that have expired, where no event says so yet (the port ``Expiries``)."""
        with self._guard:
            return self._tokens.expired(account, now, limit, is_told=self._is_told_expired)

    def expire(self, expired: Sequence[tuple[TokenRecord, EventDraft]]) -> tuple[AuditEvent, ...]:
        """Write the events that say so, once (the port ``Expiries``)."""
        self._fail_if_told()
        with self._guard:
            missing = [event for record, event in expired if not self._is_told_expired(record)]
            return tuple(self._events.write(event) for event in missing)

    def _is_told_expired(self, record: TokenRecord) -> bool:
        entries = self._events.of_token(record.grant.account, record.id)
        return any(draft.kind is EventKind.EXPIRED for _, draft in entries)

    def overdue(self, account: str, now: datetime) -> tuple[TokenRecord, ...]:
        """Return reservations past their deadline."""
        with self._guard:
            return self._tokens.overdue(account, now)

    def _existing(self, token_id: str) -> TokenRecord:
        stored = self._tokens.get(token_id)
        if stored is None:
            raise RecordConflict("There is no such record.")
        return stored

    def _superseded(self, live: TokenRecord) -> TokenRecord | None:
        """Return the record that ``live`` replaces, changed; None if it replaces none."""
        if not live.replaces:
            return None
        stored = self._tokens.get(live.replaces)
        earlier = self._tokens.get(stored.replaced_by) if stored and stored.replaced_by else None
        return superseded(stored, earlier, live)

    def _check_epoch(self, record: TokenRecord) -> None:
        if self._checks_epochs and self._slots.read(record.grant.account).epoch != record.grant.epoch:
            raise EpochMoved("The account's slot was switched meanwhile.")

    def _committed_before(self, live: TokenRecord, event: EventDraft) -> tuple[AuditEvent, ...]:
        if self._tokens.get(live.id) != live:
            raise RecordConflict("There is no such open reservation.")
        told = self._events.of_token(event.stream, live.id)
        issued = [numbered for numbered, draft in told if draft.kind is event.kind]
        told_of_old = self._events.of_token(event.stream, live.replaces) if live.replaces else []
        following = {each.seq + 1 for each in issued}
        return (
            *issued,
            *(each for each, draft in told_of_old if draft.kind is EventKind.REPLACED and each.seq in following),
        )
