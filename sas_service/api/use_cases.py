"""What views may call: the services, the policy in force, and the few facts about this process."""

from collections.abc import Sequence
from dataclasses import dataclass

from sas_service.api.interface import Interface
from sas_service.api.metrics import Metrics
from sas_service.ports import Clock, Policies, Readiness
from sas_service.services.inspect import Inspection
from sas_service.services.issue import Issuing
from sas_service.services.suspend import Suspending


@dataclass(frozen=True, slots=True)
class UseCases:
    """Handed to every view; create_app puts it together."""

    issuing: Issuing
    inspection: Inspection
    suspending: Suspending
    policies: Policies
    clock: Clock
    readiness: Sequence[Readiness]
    metrics: Metrics
    interface: Interface
    version: str
