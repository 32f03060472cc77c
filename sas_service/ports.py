"""What the service needs of the world, each named after the thing; every port has a real adapter and a twin in memory.

Every method may raise the errors of ``domain/errors.py`` that its docstring names, and nothing else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sas_service.domain.audit import AuditEvent, Denial, EventDraft
from sas_service.domain.callers import Caller
from sas_service.domain.policy import Policy
from sas_service.domain.slots import AccountSlots
from sas_service.domain.tokens import Grant, SasToken, TokenRecord, TokenState


class Clock(Protocol):
    """The time, in UTC."""

    def now(self) -> datetime:
        """Return the current instant."""
        ...


class TokenIds(Protocol):
    """Fresh token ids: ``<account>.<26 characters, ordered by time>``."""

    def new(self, account: str, now: datetime) -> str:
        """Return an id that was never returned before."""
        ...


class CallerTokens(Protocol):
    """Entra's access tokens."""

    def verify(self, bearer: str, now: datetime) -> Caller:
        """Return who ``bearer`` proves; raises Unauthenticated, or IdentityUnavailable when no signing key is known."""
        ...


class Policies(Protocol):
    """The policy in force."""

    def current(self) -> Policy:
        """Return the policy to decide by; it may change between two calls, never within one value."""
        ...

    def status(self) -> Mapping[str, object]:
        """Return digest, source and, after a refused change, its reasons: what /readyz shows."""
        ...


@dataclass(frozen=True, slots=True)
class Signed:
    """List SAS's answer: the secret, Azure's request id, and how many times the call was sent."""

    token: SasToken
    azure_request_id: str | None
    attempts: int


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What Azure says of an account; ``principals`` maps the policy's identity names to principalIds, if attached."""

    client_id: str
    location: str
    local_auth_disabled: bool
    provisioning_state: str
    principals: Mapping[str, str]


class MapsAccount(Protocol):
    """Azure Maps accounts behind the management API."""

    def facts(self, account: str, *, max_age: timedelta) -> AccountFacts:
        """Return facts at most ``max_age`` old.

        Raises AzureUnavailable, AzureThrottled, AzureRefused, IdentityUnavailable.
        """
        ...

    def sign(self, grant: Grant, *, request_id: str) -> Signed:
        """Call List SAS for ``grant``.

        Raises AzureUnavailable, AzureThrottled, AzureRefused, IdentityUnavailable; none of them carries Azure's text.
        """
        ...


@dataclass(frozen=True, slots=True)
class EffectiveRole:
    """One assignment that gives a principal a role; ``role_name`` is None if we may not read the definition."""

    assignment_id: str
    scope: str
    role_id: str
    role_name: str | None
    principal_id: str
    principal_type: str
    inherited: bool
    through_group: bool
    conditional: bool


class RoleAssignments(Protocol):
    """Azure's role assignments."""

    def effective(self, account: str, principal_id: str) -> tuple[EffectiveRole, ...]:
        """Return every role that ``principal_id`` has at the account: its own, inherited ones, those through groups.

        Raises AzureUnavailable, AzureThrottled, AzureRefused, IdentityUnavailable.
        """
        ...


class ManagedIdentities(Protocol):
    """Azure's user-assigned managed identities."""

    def location(self, resource_id: str) -> str:
        """Return where the identity lives.

        Raises AzureUnavailable, AzureThrottled, AzureRefused, IdentityUnavailable.
        """
        ...


@dataclass(frozen=True, slots=True)
class Idempotency:
    """An Idempotency-Key, already hashed together with its caller, and the hash of the request's body."""

    key: str
    body: str


@dataclass(frozen=True, slots=True)
class Reservation:
    """A token about to be signed: its record in state ``reserved``, its event, and when to give up on it."""

    record: TokenRecord
    event: EventDraft
    deadline: datetime
    idempotency: Idempotency | None = None


@dataclass(frozen=True, slots=True)
class Reserved:
    """The reservation stands; ``events`` has what was written, for the mirror. None were, if it stood already."""

    events: tuple[AuditEvent, ...]


@dataclass(frozen=True, slots=True)
class Replay:
    """The same Idempotency-Key and body, and the token is live in the current epoch: sign ``record``'s grant again."""

    record: TokenRecord


@dataclass(frozen=True, slots=True)
class TokenQuery:
    """Which tokens to list; None is no limit. ``teams`` empty means no team's: nothing."""

    accounts: Sequence[str]
    teams: frozenset[str] | None = None
    profile: str | None = None


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Which events to list: of these streams (accounts, ``service``), of a team, of a token."""

    streams: Sequence[str]
    team: str | None = None
    token: str | None = None


@dataclass(frozen=True, slots=True)
class TokenPage:
    """Newest first; ``next`` is the cursor to go on, None at the end."""

    items: tuple[TokenRecord, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class EventPage:
    """Newest first; ``next`` is the cursor to go on, None at the end."""

    items: tuple[AuditEvent, ...]
    next: str | None


class AuditLog(Protocol):
    """The tokens' records and the numbered events: Redis. Every write is one atomic script, idempotent by id.

    All methods raise AuditLogUnavailable when the log is away, full or slower than its deadline.
    """

    def reserve(self, reservation: Reservation) -> Reserved | Replay:
        """Write the record as ``reserved`` and its event.

        Checks, in one atomic step: the same id already reserved (the first result again), suspensions of team, client
        and profile, the epoch, our clock against the log's, the Idempotency-Key. Raises Suspended, EpochMoved,
        ClockSkew, IdempotencyKeyReused, RequestInProgress, TokenSuperseded.
        """
        ...

    def commit(self, record: TokenRecord, event: EventDraft) -> tuple[AuditEvent, ...]:
        """Turn a reservation into a live token, index it, and return only when that is durable.

        Raises EpochMoved when the epoch is not the record's any more, RecordConflict when there is no such open
        reservation (unless this very commit was done before: then its events again).
        """
        ...

    def redeliver(self, record: TokenRecord, fingerprint: str, event: EventDraft) -> tuple[AuditEvent, ...]:
        """Add a fingerprint to a live record, durably. Raises EpochMoved, RecordConflict."""
        ...

    def settle(self, record: TokenRecord, state: TokenState, event: EventDraft) -> tuple[AuditEvent, ...]:
        """Close a record as ``abandoned`` or ``refused``; also a committed one whose mirror could not be written.

        Idempotent: a record that is settled already yields no event.
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
        """List records by time issued. Raises InvalidRequest for a cursor that is not one of ours."""
        ...

    def events(self, query: EventQuery, *, cursor: str | None, limit: int) -> EventPage:
        """List events. Raises InvalidRequest for a cursor that is not one of ours."""
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


class Slots(Protocol):
    """The active slots of each account."""

    def read(self, account: str) -> AccountSlots:
        """Return what is active. Raises AuditLogUnavailable, NotFound before ``initialise``."""
        ...

    def initialise(self, account: str, identities: Mapping[str, str]) -> AccountSlots:
        """Give profiles that have none their first identity (profile -> identity name); never changes an existing one.

        A new account starts with epoch 1 and ``primaryKey``.
        """
        ...


@dataclass(frozen=True, slots=True)
class Suspension:
    """Who or what gets no token for now."""

    kind: str
    id: str
    reason: str | None
    by: Mapping[str, str]
    at: datetime


class Suspensions(Protocol):
    """Suspended teams, clients (application ids) and profiles; checked inside ``AuditLog.reserve``."""

    def list(self) -> tuple[Suspension, ...]:
        """Return all, by kind and id. Raises AuditLogUnavailable."""
        ...

    def put(self, suspension: Suspension, accounts: Sequence[str]) -> bool:
        """Suspend at once on every account; returns whether it is new. Raises AuditLogUnavailable."""
        ...

    def delete(self, kind: str, suspended: str, accounts: Sequence[str]) -> bool:
        """Lift it; returns whether there was one. Raises AuditLogUnavailable."""
        ...

    def sync(self, accounts: Sequence[str]) -> None:
        """Copy all to accounts that are new to the policy. Raises AuditLogUnavailable."""
        ...


class Readiness(Protocol):
    """One dependency that /readyz asks."""

    @property
    def name(self) -> str:
        """How it is shown."""
        ...

    def check(self) -> Mapping[str, object]:
        """Return details to show; raises a SasServiceError when not ready."""
        ...
