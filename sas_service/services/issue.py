"""Issue a token: decide, reserve, sign, check, commit, mirror, and only then let it go (design.md section 4)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from sas_service.domain.audit import EventKind
from sas_service.domain.callers import ALL_OF_THE_TEAM, Caller
from sas_service.domain.errors import (
    AuditLogUnavailable,
    EpochMoved,
    GrantMismatch,
    MirrorUnavailable,
    RecordConflict,
    SasServiceError,
    Violation,
)
from sas_service.domain.policy import Account
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
    Reserved,
    Signed,
    TokenIds,
)
from sas_service.services.active_slots import ActiveSlots
from sas_service.services.deny import Allowed, Deciding

TRIES = 3
"""How often a token is reserved anew when the epoch moves under it (reliability.md, A6)."""


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


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request's constants, carried through its attempts."""

    request: TokenRequest
    caller: Caller
    allowed: Allowed
    request_id: str
    idempotency: Idempotency | None
    replaces: TokenRecord | None = None


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
        reservation_time: timedelta,
    ) -> None:
        self._deciding = deciding
        self._active_slots = active_slots
        self._audit_log = audit_log
        self._mirror = mirror
        self._maps_account = maps_account
        self._clock = clock
        self._token_ids = token_ids
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
        replaces: TokenRecord | None = None,
    ) -> Issued:
        """Issue a token, or sign again the one that ``idempotency_key`` names; ``replaces`` is the one it follows.

        Raises InvalidRequest, ProfileNotAllowed, OutsidePolicy, OriginNotAllowed, Suspended, AccountLocked (all on
        record as denied); IdempotencyKeyReused, RequestInProgress, TokenSuperseded; and, with nothing issued, the
        unavailable ones.
        """
        allowed = self._deciding.decide(
            request, caller, now=self._clock.now(), request_id=request_id, shape=shape, origin=origin
        )
        key = _idempotency(caller, idempotency_key, body_hash)
        return self._in_one_epoch(_Asked(request, caller, allowed, request_id, key, replaces))

    def share(self, allowed: Allowed, *, request_id: str) -> Issued:
        """Issue a token that all callers of the team will get; raises what ``issue`` raises after its decision."""
        request = TokenRequest(profile=allowed.profile.name)
        return self._in_one_epoch(_Asked(request, ALL_OF_THE_TEAM, allowed, request_id, None))

    def drop(self, record: TokenRecord, cause: SasServiceError, request_id: str) -> None:
        """Close the record of a token that was issued and then given to nobody."""
        self._settle(record, cause, request_id)

    def again(self, record: TokenRecord, caller: Caller, *, request_id: str, origin: str | None = None) -> Issued:
        """Sign the recorded grant of a live token again, if its caller may still have the profile."""
        request = TokenRequest(profile=record.grant.profile)
        now = self._clock.now()
        allowed = self._deciding.decide(request, caller, now=now, request_id=request_id, origin=origin)
        _slot, facts = self._active_slots.of(allowed)
        return self._redeliver(record, _Asked(request, caller, allowed, request_id, None), facts)

    def _in_one_epoch(self, asked: _Asked) -> Issued:
        for _ in range(TRIES):
            try:
                return self._attempt(asked)
            except EpochMoved:
                self._active_slots.forget(asked.allowed.account.name)
        raise EpochMoved("the account is switching its slot; try again", retry_after=timedelta(seconds=1))

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
        reservation = Reservation(
            record,
            reserved,
            now + self._reservation_time,
            asked.idempotency,
            asked.allowed.profile.budget,
            # What a switch has orphaned must be replaced, whatever it costs (design.md section 5).
            may_overdraw=asked.replaces is not None and asked.replaces.grant.epoch < slot.epoch,
        )
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
        record, token = self._sign_and_commit(record, asked.request_id, outcome)
        return Issued(record, token, facts.client_id, asked.allowed.account, redelivered=False)

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
            replaces=asked.replaces.id if asked.replaces else None,
        )

    def _sign_and_commit(
        self, record: TokenRecord, request_id: str, reserved: Reserved
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
            told = {"replaces": live.replaces, "overdraft": reserved.overdrawn or None, **_delivery(signed)}
            issued = about(live, EventKind.ISSUED, self._clock.now(), request_id, **told)
            events = self._audit_log.commit(live, issued)
            self._mirror.append([*reserved.events, *events])
        except SasServiceError as error:
            # With its fingerprint: only who committed a token may close it again.
            self._settle(live, error, request_id)
            raise
        return live, signed.token

    def _redeliver(self, record: TokenRecord, asked: _Asked, facts: AccountFacts) -> Issued:
        """Sign the recorded grant again. The record stays live whatever happens: its first token may be in use."""
        signed = self._sign(record.grant, asked.request_id)
        event = about(record, EventKind.REDELIVERED, self._clock.now(), asked.request_id, **_delivery(signed))
        events = self._audit_log.redeliver(record, signed.token.fingerprint, event)
        self._mirror.append(events)
        known = (*(each for each in record.fingerprints if each != signed.token.fingerprint), signed.token.fingerprint)
        changed = replace(record, fingerprints=known)
        return Issued(changed, signed.token, facts.client_id, asked.allowed.account, redelivered=True)

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


def _delivery(signed: Signed) -> dict[str, object]:
    """Return what is new with each delivery; what was granted stands in the token's ``reserved`` event."""
    return {
        "fingerprint": signed.token.fingerprint,
        "azureRequestId": signed.azure_request_id,
        "attempts": signed.attempts,
    }
