"""What the audit log says about a token: one function for each thing that can happen to it."""

from collections.abc import Mapping
from datetime import datetime

from sas_service.domain.audit import EventDraft, EventKind
from sas_service.domain.callers import Caller
from sas_service.domain.errors import Violation
from sas_service.domain.iso8601 import format_duration, format_instant
from sas_service.domain.tokens import Grant, TokenRecord, TokenRequest


def asked_details(request: TokenRequest) -> Mapping[str, object]:
    """What the caller asked for, only what was said."""
    said: dict[str, object | None] = {
        "profile": request.profile or None,
        "lifetime": format_duration(request.lifetime) if request.lifetime is not None else None,
        "expiry": format_instant(request.expiry) if request.expiry else None,
        "start": format_instant(request.start) if request.start else None,
        "regions": list(request.regions) if request.regions is not None else None,
        "maxRatePerSecond": request.max_rate_per_second,
        "reason": request.reason,
        "labels": dict(request.labels) or None,
    }
    return {name: value for name, value in said.items() if value is not None}


def granted_details(grant: Grant) -> Mapping[str, object]:
    """What was granted; regions None is written as ``any``."""
    return {
        "profile": grant.profile,
        "epoch": grant.epoch,
        "signingKey": grant.signing_key.value,
        "identity": grant.identity,
        "principalId": grant.principal_id,
        "regions": list(grant.regions) if grant.regions is not None else "any",
        "maxRatePerSecond": grant.max_rate_per_second,
        "start": format_instant(grant.start),
        "expiry": format_instant(grant.expiry),
        "policyDigest": grant.policy_digest,
    }


def about(record: TokenRecord, kind: EventKind, at: datetime, request_id: str, **details: object) -> EventDraft:
    """Return an event of ``kind`` about ``record``; who, team and account come from the record."""
    return EventDraft(
        kind=kind,
        at=at,
        account=record.grant.account,
        team=record.grant.team,
        token=record.id,
        caller=record.caller,
        request_id=request_id,
        details={name: value for name, value in details.items() if value is not None},
    )


def replaced(old: TokenRecord, issued: EventDraft) -> EventDraft:
    """Return what is said about ``old`` when the token of ``issued`` takes its place: by whom, in that very step."""
    return EventDraft(
        kind=EventKind.REPLACED,
        at=issued.at,
        account=old.grant.account,
        team=old.grant.team,
        token=old.id,
        caller=issued.caller,
        request_id=issued.request_id,
        details={"by": issued.token},
    )


def denied(
    request: TokenRequest,
    caller: Caller,
    *,
    at: datetime,
    account: str | None,
    team: str | None,
    request_id: str,
    refusal: str,
    violations: tuple[Violation, ...],
    policy_digest: str,
) -> EventDraft:
    """Return the event of a refusal by policy, by shape or by suspension."""
    return EventDraft(
        kind=EventKind.DENIED,
        at=at,
        account=account,
        team=team,
        caller=caller.document(),
        request_id=request_id,
        details={
            "refusal": refusal,
            "asked": asked_details(request),
            "violations": [
                {"pointer": each.pointer, "asked": each.asked, "allowed": each.allowed, "rule": each.rule}
                for each in violations
            ],
            "policyDigest": policy_digest,
        },
    )
