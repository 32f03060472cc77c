"""What views may call: the services, the policy in force, and the few facts about this process."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sas_service.api.audit_export import Exports
from sas_service.api.metrics import Metrics
from sas_service.api.revocation_stream import Watchers
from sas_service.ports import Clock, Policies, Readiness
from sas_service.services.account_cors import AccountOrigins
from sas_service.services.deny import Deciding
from sas_service.services.evidence import Evidence
from sas_service.services.expose import Exposing
from sas_service.services.hand_out import HandingOut
from sas_service.services.identify import Identifying
from sas_service.services.inspect import Inspection
from sas_service.services.issue import Issuing
from sas_service.services.lockdown import LockingDown
from sas_service.services.note_readers import NotingReaders
from sas_service.services.prove import LogProofs
from sas_service.services.renew import Renewing
from sas_service.services.replace import Replacing
from sas_service.services.revoke import Revoking
from sas_service.services.suspend import Suspending
from sas_service.services.watch_drift import DriftWatch
from sas_service.services.watch_revocations import Watching


class SelfDescription(Protocol):
    """The OpenAPI document; made from the views, so that views cannot import what makes it."""

    @property
    def document(self) -> dict[str, Any]:
        """The document as JSON values."""
        ...

    @property
    def yaml(self) -> str:
        """The document as text."""
        ...


@dataclass(frozen=True, slots=True)
class UseCases:
    """Handed to every view; create_app puts it together. What is None needs an operating identity."""

    deciding: Deciding
    issuing: Issuing
    handing_out: HandingOut | None
    replacing: Replacing
    renewing: Renewing
    revoking: Revoking | None
    locking_down: LockingDown | None
    watching: Watching | None
    watchers: Watchers
    inspection: Inspection
    suspending: Suspending
    account_origins: AccountOrigins
    proofs: LogProofs | None
    evidence: Evidence | None
    drift: DriftWatch | None
    identifying: Identifying
    exposing: Exposing
    readers: NotingReaders
    exports: Exports
    policies: Policies
    clock: Clock
    readiness: Sequence[Readiness]
    metrics: Metrics
    interface: SelfDescription
    version: str
