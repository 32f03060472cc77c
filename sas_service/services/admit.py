"""Ask for a write to Azure together with the reservation that it is for; once a request, however often it reserves."""

from collections.abc import Callable

from sas_service.domain.quotas import QuotaLeft
from sas_service.ports import (
    Admission,
    Allotted,
    ArmBudget,
    AuditLog,
    Demand,
    NotNow,
    QuotaSpent,
    Replay,
    Reservation,
    Reserved,
)
from sas_service.services.spend import Spending


class AdmissionInTurn:
    """The port Admission where budget and audit log are on different servers: first the one, then the other."""

    def __init__(self, budget: ArmBudget, audit_log: AuditLog) -> None:
        self._budget = budget
        self._audit_log = audit_log

    def admit(
        self, demand: Demand, reservation: Reservation
    ) -> tuple[Allotted | NotNow | QuotaSpent, Callable[[], Reserved | Replay]]:
        """Ask for the write; who goes on reserves."""
        return self._budget.ask(demand), lambda: self._audit_log.reserve(reservation)


class Write:
    """The write of one request: booked with its first reservation; a further one finds it there."""

    def __init__(self, demand: Demand, *, admission: Admission, audit_log: AuditLog, spending: Spending) -> None:
        self.quota: QuotaLeft | None = None
        """What the team has left, where it has a quota, once the write is booked."""
        self._demand = demand
        self._admission = admission
        self._audit_log = audit_log
        self._spending = spending
        self._is_booked = False

    def reserve(self, reservation: Reservation) -> Reserved | Replay:
        """Reserve once the write may be sent; raises what ``Spending.spend`` and ``AuditLog.reserve`` raise.

        A refusal for want of a write leaves no record behind.
        """
        if self._is_booked:
            return self._audit_log.reserve(reservation)
        answer, outcome = self._admission.admit(self._demand, reservation)
        self.quota = self._spending.granted(answer)
        self._is_booked = True
        return outcome()
