"""Audit events: what is said about tokens, and how it is numbered and folded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sas_service.domain.iso8601 import format_instant

SERVICE_STREAM = "service"
"""The stream of events that belong to no account; account names may not be this word."""


class EventKind(StrEnum):
    """Every kind of event; one word each, as an auditor would say it."""

    DENIED = "denied"
    RESERVED = "reserved"
    ISSUED = "issued"
    REPLACED = "replaced"
    REDELIVERED = "redelivered"
    HANDED_OUT = "handedOut"
    ABANDONED = "abandoned"
    REFUSED = "refused"
    EXPIRED = "expired"
    SUSPENDED = "suspended"
    SUSPENSION_LIFTED = "suspensionLifted"
    CORS_CHANGING = "corsChanging"
    CORS_CHANGED = "corsChanged"
    CORS_CHANGE_FAILED = "corsChangeFailed"
    POLICY_CHANGED = "policyChanged"
    POLICY_REFUSED = "policyRefused"
    ACKNOWLEDGED = "acknowledged"
    REVOCATION_PLANNED = "revocationPlanned"
    REVOCATION_DECIDED = "revocationDecided"
    REVOCATION_STEP = "revocationStep"
    REVOCATION_WAITS = "revocationWaits"
    REVOCATION_ENDED = "revocationEnded"
    CASUALTIES = "casualties"
    CONSUMERS_LATE = "consumersLate"
    CANARY_SIGNED = "canarySigned"
    LOCKDOWN_BEGUN = "lockdownBegun"
    LOCKDOWN_FROZEN = "lockdownFrozen"
    LOCKDOWN_STEP = "lockdownStep"
    LOCKDOWN_BREACHED = "lockdownBreached"
    LOCKDOWN_RELEASING = "lockdownReleasing"
    LOCKDOWN_ENDED = "lockdownEnded"
    AZURE_WRITE_INTENDED = "azureWriteIntended"
    AZURE_WRITE_ANSWERED = "azureWriteAnswered"
    SEAL_BROKEN = "sealBroken"
    EVENT_LOST = "eventLost"
    LOG_REPAIRED = "logRepaired"
    DRIFT_FOUND = "driftFound"
    DRIFT_ENDED = "driftEnded"
    DRIFT_ACCEPTED = "driftAccepted"
    STANDBY_PROVEN = "standbyProven"
    AUDIT_READ = "auditRead"
    AUDIT_EXPORTED = "auditExported"
    RUN_WITHOUT_ACCOUNT = "runWithoutAccount"


@dataclass(frozen=True, slots=True)
class EventDraft:
    """An event before the audit log has numbered it.

    ``account`` None means the service's own stream. ``team`` and ``token`` are indexed; ``details`` is JSON and
    holds no secret.
    """

    kind: EventKind
    at: datetime
    account: str | None = None
    team: str | None = None
    token: str | None = None
    caller: Mapping[str, str] | None = None
    request_id: str | None = None
    details: Mapping[str, object] = field(default_factory=dict)

    @property
    def stream(self) -> str:
        """The stream that numbers this event: the account's, or the service's."""
        return self.account or SERVICE_STREAM

    def document(self) -> dict[str, object]:
        """The event as JSON without its number; members that say nothing are left out."""
        members: dict[str, object | None] = {
            "kind": self.kind.value,
            "at": format_instant(self.at),
            "account": self.account,
            "team": self.team,
            "token": self.token,
            "caller": dict(self.caller) if self.caller else None,
            "requestId": self.request_id,
            **self.details,
        }
        return {name: value for name, value in members.items() if value is not None}


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """A numbered event: ``text`` is its JSON exactly as stored, mirrored and served."""

    stream: str
    seq: int
    text: str


@dataclass(frozen=True, slots=True)
class Denial:
    """A refusal to be recorded; equal ones (``fold_key``) become one event per minute with a count."""

    draft: EventDraft
    fold_key: str
