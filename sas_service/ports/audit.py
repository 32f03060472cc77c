"""What remembers tokens and events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sas_service.domain.audit import AuditEvent, Denial, EventDraft
from sas_service.domain.policy import Budget
from sas_service.domain.tokens import TokenRecord, TokenState
from sas_service.ports.audit_queries import EventQuery, TokenQuery


@dataclass(frozen=True, slots=True)
class Idempotency:
    """An Idempotency-Key, already hashed together with its caller, and the hash of the request's body."""

    key: str
    body: str


@dataclass(frozen=True, slots=True)
class Reservation:
    """A token about to be signed: its record in state ``reserved``, its event, and when to give up on it.

    ``may_overdraw``: it counts, but the budget does not stop it.
    """

    record: TokenRecord
    event: EventDraft
    deadline: datetime
    idempotency: Idempotency | None = None
    budget: Budget | None = None
    may_overdraw: bool = False


@dataclass(frozen=True, slots=True)
class Reserved:
    """The reservation stands; ``events`` has what was written, for the mirror. None were, if it stood already."""

    events: tuple[AuditEvent, ...]
    overdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Replay:
    """The same Idempotency-Key and body, and the token is live in the current epoch: sign ``record``'s grant again."""

    record: TokenRecord


@dataclass(frozen=True, slots=True)
class TokenPage:
    """In the query's order; ``next`` is the cursor to go on, None at the end. A page may be short, or empty."""

    items: tuple[TokenRecord, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class EventPage:
    """Newest first; ``next`` is the cursor to go on, None at the end. A page may be short, or empty."""

    items: tuple[AuditEvent, ...]
    next: str | None


class AuditLog(Protocol):
    """The tokens' records and the numbered events: Redis. Every write is one atomic script, idempotent by id.

    All methods raise AuditLogUnavailable when the log is away, full or slower than its deadline.
    """

    def reserve(self, reservation: Reservation) -> Reserved | Replay:
        """Write the record as ``reserved`` and its event.

        Checks, in one atomic step: the same id already reserved (the first result again), suspensions of team, client
        and profile, a lockdown of the account, the epoch, our clock against the log's, the Idempotency-Key, the
        profile's budget against its live and reserved tokens of this epoch. Raises Suspended, AccountLocked,
        EpochMoved, ClockSkew, IdempotencyKeyReused, RequestInProgress, TokenSuperseded, OutsidePolicy.
        """
        ...

    def commit(self, record: TokenRecord, event: EventDraft) -> tuple[AuditEvent, ...]:
        """Turn a reservation into a live token, index it, and return only when that is durable.

        If it replaces a token, that one is marked, and its own chain says so in the event after (``replaced``).
        Raises EpochMoved when the epoch is not the record's any more, RecordConflict when there is no such open
        reservation (unless this very commit was done before: then its events again).
        """
        ...

    def redeliver(self, record: TokenRecord, fingerprint: str, event: EventDraft) -> tuple[AuditEvent, ...]:
        """Add a fingerprint to a live record, durably. Raises EpochMoved, RecordConflict."""
        ...

    def settle(self, record: TokenRecord, state: TokenState, event: EventDraft) -> tuple[AuditEvent, ...]:
        """Close a record as ``abandoned`` or ``refused``; also a committed one whose mirror could not be written.

        Idempotent: a record that is settled already yields no event. A committed one is closed only as ``abandoned``,
        and only when ``record`` has its fingerprint: a reaper that read the reservation just before the commit must
        not take a token from its owner. Raises RecordConflict.
        """
        ...

    def deny(self, denial: Denial) -> tuple[AuditEvent, ...]:
        """Record a refusal: the first of its kind at once, further ones folded into one event per minute."""
        ...

    def flush_denials(self, now: datetime) -> tuple[AuditEvent, ...]:
        """Write the folded events whose minute is over (the worker calls this)."""
        ...

    def append(self, event: EventDraft, *, once: str | None = None) -> tuple[AuditEvent, ...]:
        """Append an event; with ``once``, only if that key was not the last one used under its prefix before ``:``.

        So each of several processes may announce the same policy change, and one event results.
        """
        ...

    def token(self, token_id: str) -> TokenRecord | None:
        """Return the record of a token id, or None."""
        ...

    def token_by_fingerprint(self, accounts: Sequence[str], fingerprint: str) -> TokenRecord | None:
        """Return the record that has this fingerprint, or None."""
        ...

    def tokens(self, query: TokenQuery, *, cursor: str | None, limit: int) -> TokenPage:
        """List records as ``TokenQuery`` says, 1 to 500 a page.

        Raises InvalidRequest for another limit, and for a cursor that is not one of ours or of another order.
        """
        ...

    def events(self, query: EventQuery, *, cursor: str | None, limit: int) -> EventPage:
        """List events as ``EventQuery`` says, 1 to 500 a page.

        Raises InvalidRequest for another limit, and for a cursor that is not one of ours.
        """
        ...

    def identities_in_use(self, account: str, now: datetime) -> Mapping[str, int]:
        """Return identity name -> number of unexpired tokens that hang on it (also abandoned ones)."""
        ...

    def overdue(self, account: str, now: datetime) -> tuple[TokenRecord, ...]:
        """Return reservations past their deadline: crashes before the reaper (bounded to 100 a call)."""
        ...


class AuditMirror(Protocol):
    """The second, independent place of every event."""

    def append(self, events: Sequence[AuditEvent], *, sync: bool = True) -> None:
        """Write events; with ``sync`` return only when they are on disk. Raises MirrorUnavailable."""
        ...

    def check(self) -> None:
        """Raise MirrorUnavailable if nothing can be written now."""
        ...
