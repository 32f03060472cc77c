"""Issue a token: decide, reserve, sign, check, commit, mirror, and only then let it go (design.md section 4)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from sas_service.domain.arm_budget import Purpose
from sas_service.domain.audit import AuditEvent, EventKind
from sas_service.domain.callers import Caller
from sas_service.domain.errors import (
    AuditLogUnavailable,
    EpochMoved,
    GrantMismatch,
    IdempotencyKeyReused,
    MirrorUnavailable,
    RecordConflict,
    RequestInProgress,
    SasServiceError,
    Suspended,
    TokenSuperseded,
    Violation,
)
from sas_service.domain.policy import Account
from sas_service.domain.quotas import QuotaLeft
from sas_service.domain.slots import Slot
from sas_service.domain.token_check import check_token
from sas_service.domain.token_events import about, asked_details, granted_details
from sas_service.domain.tokens import Grant, SasToken, TokenRecord, TokenRequest, TokenState
from sas_service.ports import (
    AccountFacts,
    AuditLog,
    AuditMirror,
    Clock,
    Idempotency,
    MapsAccount,
    Replay,
    Reservation,
    Signed,
    TokenIds,
)
from sas_service.services.active_slots import ActiveSlots
from sas_service.services.deny import Allowed, Deciding
from sas_service.services.spend import Spending

TRIES = 3
"""How often a token is reserved anew when the epoch moves under it (reliability.md, A6)."""

_BEFORE_SIGNING = (Suspended, IdempotencyKeyReused, RequestInProgress, TokenSuperseded)
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
    facts: AccountFacts
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
    replaces: str | None = None


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
    ) -> None:
        self._deciding = deciding
        self._active_slots = active_slots
        self._audit_log = audit_log
        self._mirror = mirror
        self._maps_account = maps_account
        self._clock = clock
        self._token_ids = token_ids
        self._spending = spending
        self._reservation_time = reservation_time

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
        replaces: str | None = None,
        purpose: Purpose = Purpose.INTERACTIVE,
    ) -> Issued:
        """Issue a token, or sign again the one that ``idempotency_key`` names; ``replaces`` is the one it follows.

        Raises InvalidRequest, ProfileNotAllowed, OutsidePolicy, OriginNotAllowed, Suspended (all on record as denied);
        IdempotencyKeyReused, RequestInProgress, TokenSuperseded; QuotaExceeded, BudgetExhausted (before anything is
        written); and, with nothing issued, the unavailable ones. ``purpose`` is whose share of the budget is spent.
        """
        allowed = self._deciding.decide(
            request, caller, now=self._clock.now(), request_id=request_id, shape=shape, origin=origin
        )
        key = _idempotency(caller, idempotency_key, body_hash)
        asked = _Asked(request, caller, allowed, request_id, key, replaces)
        left = self._spending.for_token(allowed, purpose, replaces=replaces)
        for _ in range(TRIES):
            try:
                return replace(self._attempt(asked), quota=left)
            except EpochMoved:
                self._active_slots.forget(allowed.account.name)
            except _BEFORE_SIGNING:
                self._spending.give_back(allowed.account.subscription)
                raise
        raise EpochMoved("the account is switching its slot; try again", retry_after=timedelta(seconds=1))

    def again(self, record: TokenRecord, caller: Caller, *, request_id: str, origin: str | None = None) -> Issued:
        """Sign the recorded grant of a live token again, if its caller may still have the profile."""
        request = TokenRequest(profile=record.grant.profile)
        now = self._clock.now()
        allowed = self._deciding.decide(request, caller, now=now, request_id=request_id, origin=origin)
        _slot, facts = self._active_slots.of(allowed)
        self._spending.for_token(allowed, Purpose.INTERACTIVE, replaces=record.replaces)
        return self._redeliver(record, _Asked(request, caller, allowed, request_id, None), facts)

    def _attempt(self, asked: _Asked) -> Issued:
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
        reservation = Reservation(record, reserved, now + self._reservation_time, asked.idempotency)
        outcome = self._deciding.unless_suspended(
            lambda: self._audit_log.reserve(reservation),
            asked.request,
            asked.caller,
            team=asked.allowed.decision.team,
            now=now,
            request_id=asked.request_id,
        )
        if isinstance(outcome, Replay):
            return self._redeliver(outcome.record, asked, facts)
        record, token = self._sign_and_commit(record, asked.request_id, outcome.events)
        return Issued(record, token, facts, asked.allowed.account, redelivered=False)

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
            replaces=asked.replaces,
        )

    def _sign_and_commit(
        self, record: TokenRecord, request_id: str, reserved: tuple[AuditEvent, ...]
    ) -> tuple[TokenRecord, SasToken]:
        live = record
        try:
            signed = self._sign(record.grant, request_id)
            live = replace(
                record,
                state=TokenState.LIVE,
                fingerprints=(signed.token.fingerprint,),
                azure_request_id=signed.azure_request_id,
                attempts=signed.attempts,
            )
            issued = about(live, EventKind.ISSUED, self._clock.now(), request_id, **_delivery(live.grant, signed))
            events = self._audit_log.commit(live, issued)
            self._mirror.append([*reserved, *events])
        except SasServiceError as error:
            # With its fingerprint: only who committed a token may close it again.
            self._settle(live, error, request_id)
            raise
        return live, signed.token

    def _redeliver(self, record: TokenRecord, asked: _Asked, facts: AccountFacts) -> Issued:
        """Sign the recorded grant again. The record stays live whatever happens: its first token may be in use."""
        signed = self._sign(record.grant, asked.request_id)
        event = about(
            record, EventKind.REDELIVERED, self._clock.now(), asked.request_id, **_delivery(record.grant, signed)
        )
        events = self._audit_log.redeliver(record, signed.token.fingerprint, event)
        self._mirror.append(events)
        known = (*(each for each in record.fingerprints if each != signed.token.fingerprint), signed.token.fingerprint)
        return Issued(replace(record, fingerprints=known), signed.token, facts, asked.allowed.account, redelivered=True)

    def _sign(self, grant: Grant, request_id: str) -> Signed:
        signed = self._maps_account.sign(grant, request_id=request_id)
        differing = check_token(grant, signed.token)
        if differing:
            raise GrantMismatch(f"the signed token differs from what was granted in: {', '.join(differing)}")
        return signed

    def _settle(self, record: TokenRecord, error: SasServiceError, request_id: str) -> None:
        """Close the record; if the audit log is away the reaper will close the reservation at its deadline.

        A conflict says that somebody (the reaper) did so before us.
        """
        # "none": Azure said no to every attempt, or never heard of it. After anything else a token may exist.
        refused = error.extra.get("effect") == "none"
        state, kind = (
            (TokenState.REFUSED, EventKind.REFUSED) if refused else (TokenState.ABANDONED, EventKind.ABANDONED)
        )
        event = about(
            record,
            kind,
            self._clock.now(),
            request_id,
            cause=type(error).__name__,
            attempts=error.extra.get("attempts"),
            azureCode=error.extra.get("code"),
            azureRequestId=error.extra.get("azureRequestId"),
        )
        try:
            events = self._audit_log.settle(record, state, event)
            self._mirror.append(events, sync=False)
        except (AuditLogUnavailable, MirrorUnavailable, RecordConflict):
            return


def _idempotency(caller: Caller, key: str | None, body_hash: str) -> Idempotency | None:
    if key is None:
        return None
    return Idempotency(key=sha256(f"{caller.tenant_id}/{caller.key}\n{key}".encode()).hexdigest(), body=body_hash)


def _delivery(grant: Grant, signed: Signed) -> dict[str, object]:
    return {
        "fingerprint": signed.token.fingerprint,
        "azureRequestId": signed.azure_request_id,
        "attempts": signed.attempts,
        "granted": granted_details(grant),
    }
