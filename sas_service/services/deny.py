"""Decide on a request by the policy, and put every refusal of an authenticated caller on record."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TypeVar

from sas_service.domain.audit import Denial, EventDraft, EventKind
from sas_service.domain.callers import Caller
from sas_service.domain.errors import (
    AccountLocked,
    InvalidRequest,
    MissingRole,
    OriginNotAllowed,
    OutsidePolicy,
    ProfileNotAllowed,
    SasServiceError,
    Suspended,
    Violation,
)
from sas_service.domain.grants import Decision, decide
from sas_service.domain.policy import Account, Policy, Profile
from sas_service.domain.quotas import Quota
from sas_service.domain.token_events import denied
from sas_service.domain.tokens import TokenRequest
from sas_service.ports import AuditLog, AuditMirror, Policies

Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class Allowed:
    """The policy's yes, with the account and the profile of the same policy document."""

    decision: Decision
    account: Account
    profile: Profile
    quota: Quota | None = None


class Deciding:
    """The policy's yes, or a refusal that is on record before the caller hears of it."""

    def __init__(self, *, policies: Policies, audit_log: AuditLog, mirror: AuditMirror) -> None:
        self._policies = policies
        self._audit_log = audit_log
        self._mirror = mirror

    def decide(
        self,
        request: TokenRequest,
        caller: Caller,
        *,
        now: datetime,
        request_id: str,
        shape: tuple[Violation, ...] = (),
        origin: str | None = None,
    ) -> Allowed:
        """Return the policy's yes; raises InvalidRequest, ProfileNotAllowed, OutsidePolicy, OriginNotAllowed."""
        policy = self._policies.current()
        try:
            decision = decide(policy, request, caller, now, shape=shape)
            allowed = Allowed(
                decision,
                policy.accounts[decision.account],
                policy.profiles[decision.profile],
                policy.teams[decision.team].quota,
            )
            _check_origin(allowed.profile, origin)
        except (InvalidRequest, ProfileNotAllowed, OutsidePolicy, OriginNotAllowed) as refusal:
            self._record(refusal, request, caller, policy=policy, team=None, now=now, request_id=request_id)
            raise
        return allowed

    def unless_suspended(
        self,
        reserve: Callable[[], Outcome],
        request: TokenRequest,
        caller: Caller,
        *,
        team: str,
        now: datetime,
        request_id: str,
    ) -> Outcome:
        """Return what ``reserve`` returns; a suspension, lockdown or budget that it meets is on record as a denial."""
        try:
            return reserve()
        except (Suspended, AccountLocked, OutsidePolicy) as refusal:
            policy = self._policies.current()
            self._record(refusal, request, caller, policy=policy, team=team, now=now, request_id=request_id)
            raise

    def role_missing(
        self, refusal: MissingRole, caller: Caller, *, operation: str, now: datetime, request_id: str
    ) -> None:
        """Put on record that ``caller`` tried ``operation`` (method and route) without the role for it."""
        draft = EventDraft(
            kind=EventKind.DENIED,
            at=now,
            caller=caller.document(),
            request_id=request_id,
            details={"refusal": type(refusal).__name__, "operation": operation, "role": refusal.extra.get("role")},
        )
        self._deny(draft, caller.key, operation)

    def _record(
        self,
        refusal: SasServiceError,
        request: TokenRequest,
        caller: Caller,
        *,
        policy: Policy,
        team: str | None,
        now: datetime,
        request_id: str,
    ) -> None:
        profile = policy.profiles.get(request.profile)
        draft = denied(
            request,
            caller,
            at=now,
            account=profile.account if profile else None,
            team=team,
            request_id=request_id,
            refusal=type(refusal).__name__,
            violations=refusal.violations,
            policy_digest=policy.digest,
        )
        # A made-up profile name must not make a new fold: nobody can fill the log with names.
        # And one rule, not the set of them: n rules have 2^n sets, each with an event of up to 20 KiB a minute.
        rules = sorted({violation.rule for violation in refusal.violations})
        self._deny(draft, caller.key, profile.name if profile else "", type(refusal).__name__, *rules[:1])

    def _deny(self, draft: EventDraft, *fold: str) -> None:
        events = self._audit_log.deny(Denial(draft, sha256("\n".join(fold).encode()).hexdigest()))
        self._mirror.append(events, sync=False)


def _check_origin(profile: Profile, origin: str | None) -> None:
    if origin is not None and origin not in profile.cors_origins:
        raise OriginNotAllowed("pages of this origin may not use this profile; the policy lists its origins under cors")
