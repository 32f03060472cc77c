"""Issue a token: decide, reserve, sign, check, commit, mirror, and only then let it go (design.md section 4)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from sas_service.domain.arm_budget import Purpose
from sas_service.domain.audit import EventKind
from sas_service.domain.callers import ALL_OF_THE_TEAM, Caller
from sas_service.domain.errors import (
    AccountLocked,
    ClockSkew,
    EpochMoved,
    IdempotencyKeyReused,
    IdentityDetached,
    OutsidePolicy,
    RequestInProgress,
    SasServiceError,
    Suspended,
    TokenSuperseded,
    Violation,
)
from sas_service.domain.policy import Account
from sas_service.domain.quotas import QuotaLeft
from sas_service.domain.replacements import Told, nobody_told
from sas_service.domain.slots import Slot
from sas_service.domain.token_events import about, asked_details, granted_details
from sas_service.domain.tokens import Grant, SasToken, TokenRecord, TokenRequest, TokenState
from sas_service.ports import (
    AccountFacts,
    Admission,
    AuditLog,
    AuditMirror,
    Clock,
    Idempotency,
    MapsAccount,
    Replay,
    Reservation,
    TokenIds,
)
from sas_service.services.active_slots import ActiveSlots
from sas_service.services.admit import AdmissionInTurn, Write
from sas_service.services.deliver import Delivering
from sas_service.services.deny import Allowed, Deciding
from sas_service.services.spend import Spending

TRIES = 3
"""How often a token is reserved anew when the epoch moves under it (reliability.md, A6)."""

_BEFORE_SIGNING = (
    Suspended,
    AccountLocked,
    IdentityDetached,
    OutsidePolicy,
    ClockSkew,
    IdempotencyKeyReused,
    RequestInProgress,
    TokenSuperseded,
)
"""What ends a request before Azure is asked, so that its write is there for another."""


@dataclass(frozen=True, slots=True)
class Granted:
    """What a preview shows: the grant as it would be signed now."""

    grant: Grant
    facts: AccountFacts
    account: Account


@dataclass(frozen=True, slots=True)
class Issued:
    """A token on its way to the caller; ``redelivered`` when an Idempotency-Key asked for it again."""

    record: TokenRecord
    token: SasToken
    client_id: str
    account: Account
    redelivered: bool
    quota: QuotaLeft | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request's constants, carried through its attempts."""

    request: TokenRequest
    caller: Caller
    allowed: Allowed
    request_id: str
    idempotency: Idempotency | None
    replaces: TokenRecord | None = None
    told: Told = nobody_told

    @property
    def replaced(self) -> str | None:
        """The id of the token that it follows."""
        return self.replaces.id if self.replaces else None


class Issuing:
    """The way of a token; every dependency is a port."""

    def __init__(
        self,
        *,
        deciding: Deciding,
        active_slots: ActiveSlots,
        audit_log: AuditLog,
        mirror: AuditMirror,
        maps_account: MapsAccount,
        clock: Clock,
        token_ids: TokenIds,
        spending: Spending,
        reservation_time: timedelta,
        admission: Admission | None = None,
    ) -> None:
        """``admission`` None: write and reservation are asked for in turn."""
        self._deciding = deciding
        self._active_slots = active_slots
        self._audit_log = audit_log
        self._delivering = Delivering(audit_log=audit_log, mirror=mirror, maps_account=maps_account, clock=clock)
        self._clock = clock
        self._token_ids = token_ids
        self._spending = spending
        self._reservation_time = reservation_time
        self._admission = admission or AdmissionInTurn(spending.budget, audit_log)

    def preview(
        self,
        request: TokenRequest,
        caller: Caller,
        *,
        request_id: str,
        shape: tuple[Violation, ...] = (),
        origin: str | None = None,
    ) -> Granted:
        """Return what ``issue`` would sign; writes nothing but a refusal. Raises what ``issue`` raises before Azure."""
        allowed = self._deciding.decide(
            request, caller, now=self._clock.now(), request_id=request_id, shape=shape, origin=origin
        )
        slot, facts = self._active_slots.of(allowed)
        return Granted(grant=allowed.decision.grant(slot), facts=facts, account=allowed.account)

    def issue(
        self,
        request: TokenRequest,
        caller: Caller,
        *,
        request_id: str,
        shape: tuple[Violation, ...] = (),
        idempotency_key: str | None = None,
        body_hash: str = "",
        origin: str | None = None,
        replaces: TokenRecord | None = None,
        told: Told = nobody_told,
        purpose: Purpose = Purpose.INTERACTIVE,
    ) -> Issued:
        """Issue a token, or sign again the one that ``idempotency_key`` names; ``replaces`` is the one it follows.

        Who is ``told`` to replace it is held back neither by the team's quota nor by the profile's budget.
        Raises InvalidRequest, ProfileNotAllowed, OutsidePolicy, OriginNotAllowed, Suspended, AccountLocked (all on
        record as denied); IdempotencyKeyReused, RequestInProgress, TokenSuperseded; QuotaExceeded, BudgetExhausted
        (before anything is written); and, with nothing issued, the unavailable ones. ``purpose`` is whose share of the
        budget is spent.
        """
        allowed = self._deciding.decide(
            request, caller, now=self._clock.now(), request_id=request_id, shape=shape, origin=origin
        )
        key = _idempotency(caller, idempotency_key, body_hash)
        return self._in_one_epoch(_Asked(request, caller, allowed, request_id, key, replaces, told), purpose)

    def share(self, allowed: Allowed, *, request_id: str) -> Issued:
        """Issue a token that all callers of the team will get; raises what ``issue`` raises after its decision."""
        request = TokenRequest(profile=allowed.profile.name)
        return self._in_one_epoch(_Asked(request, ALL_OF_THE_TEAM, allowed, request_id, None), Purpose.SHARED)

    def drop(self, record: TokenRecord, cause: SasServiceError, request_id: str) -> None:
        """Close the record of a token that was issued and then given to nobody."""
        self._delivering.close(record, cause, request_id)

    def again(
        self, record: TokenRecord, caller: Caller, *, request_id: str, origin: str | None = None, told: bool = False
    ) -> Issued:
        """Sign the recorded grant of a live token again, if its caller may still have the profile."""
        request = TokenRequest(profile=record.grant.profile)
        now = self._clock.now()
        allowed = self._deciding.decide(request, caller, now=now, request_id=request_id, origin=origin)
        _slot, facts = self._active_slots.of(allowed)
        left = self._spending.for_token(allowed, Purpose.INTERACTIVE, told=told)
        return replace(self._redeliver(record, _Asked(request, caller, allowed, request_id, None), facts), quota=left)

    def _in_one_epoch(self, asked: _Asked, purpose: Purpose) -> Issued:
        write = Write(
            self._spending.demand(asked.allowed, purpose, told=asked.told(0)),
            admission=self._admission,
            audit_log=self._audit_log,
            spending=self._spending,
        )
        for _ in range(TRIES):
            try:
                issued = self._attempt(asked, write)
                return replace(issued, quota=write.quota) if write.quota else issued
            except EpochMoved:
                self._active_slots.forget(asked.allowed.account.name)
            except _BEFORE_SIGNING:
                self._spending.give_back(asked.allowed.account.subscription)
                raise
        raise EpochMoved("the account is switching its slot; try again", retry_after=timedelta(seconds=1))

    def _attempt(self, asked: _Asked, write: Write) -> Issued:
        slot, facts = self._active_slots.of(asked.allowed)
        now = self._clock.now()
        record = self._draft(asked, slot, now)
        reserved = about(
            record,
            EventKind.RESERVED,
            now,
            asked.request_id,
            asked=asked_details(asked.request),
            granted=granted_details(record.grant),
        )
        reservation = Reservation(
            record,
            reserved,
            now + self._reservation_time,
            asked.idempotency,
            asked.allowed.profile.budget,
            # What must be replaced is replaced, whatever it costs (design.md section 5).
            may_overdraw=asked.told(slot.epoch),
        )
        outcome = self._deciding.unless_suspended(
            lambda: write.reserve(reservation),
            asked.request,
            asked.caller,
            team=asked.allowed.decision.team,
            now=now,
            request_id=asked.request_id,
        )
        if isinstance(outcome, Replay):
            return self._redeliver(outcome.record, asked, facts)
        with self._active_slots.told_apart(record.grant):
            record, token = self._delivering.first(record, asked.request_id, outcome)
        return Issued(record, token, facts.client_id, asked.allowed.account, redelivered=False)

    def _redeliver(self, record: TokenRecord, asked: _Asked, facts: AccountFacts) -> Issued:
        with self._active_slots.told_apart(record.grant):
            changed, token = self._delivering.again(record, asked.request_id)
        return Issued(changed, token, facts.client_id, asked.allowed.account, redelivered=True)

    def _draft(self, asked: _Asked, slot: Slot, now: datetime) -> TokenRecord:
        grant = asked.allowed.decision.grant(slot)
        return TokenRecord(
            id=self._token_ids.new(grant.account, now),
            grant=grant,
            caller=asked.caller.document(),
            state=TokenState.RESERVED,
            issued_at=now,
            request_id=asked.request_id,
            reason=asked.request.reason,
            labels=asked.request.labels,
            replaces=asked.replaced,
        )


def _idempotency(caller: Caller, key: str | None, body_hash: str) -> Idempotency | None:
    if key is None:
        return None
    return Idempotency(key=sha256(f"{caller.tenant_id}/{caller.key}\n{key}".encode()).hexdigest(), body=body_hash)
