"""The budget of writes to Azure Resource Manager, shared by all processes, and the teams' request quotas beside it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from sas_service.domain.arm_budget import Purpose
from sas_service.domain.quotas import Quota, QuotaLeft
from sas_service.ports.audit import Replay, Reservation, Reserved


@dataclass(frozen=True, slots=True)
class Demand:
    """One write to a subscription, how long its sender would wait for it, and the quota of its team, if it has one."""

    subscription: str
    purpose: Purpose
    patience: timedelta
    team: str = ""
    quota: Quota | None = None


@dataclass(frozen=True, slots=True)
class Allotted:
    """The write may be sent ``after`` so long, and is booked."""

    after: timedelta
    quota: QuotaLeft | None = None


@dataclass(frozen=True, slots=True)
class NotNow:
    """Nothing is booked for now, but who comes back in ``retry_after`` is served.

    ``throttled``: Azure itself asked us to wait.
    """

    retry_after: timedelta
    throttled: bool = False


@dataclass(frozen=True, slots=True)
class QuotaSpent:
    """The team has made all requests of its window."""

    quota: QuotaLeft


class Admission(Protocol):
    """A write to Azure and the reservation that it is for, in as few round trips as there are servers."""

    def admit(
        self, demand: Demand, reservation: Reservation
    ) -> tuple[Allotted | NotNow | QuotaSpent, Callable[[], Reserved | Replay]]:
        """Take one write, and reserve with it; raises AuditLogUnavailable.

        The answer about the write comes first: unless it may be sent, nothing is reserved. Who goes on calls the
        second, which returns or raises what ``AuditLog.reserve`` does; a write that may be sent at once may have been
        reserved for by then, and another is not before.
        """
        ...


class ArmBudget(Protocol):
    """The budget of one principal; a subscription's bucket is its own."""

    def ask(self, demand: Demand) -> Allotted | NotNow | QuotaSpent:
        """Take one write, in one round trip; raises AuditLogUnavailable."""
        ...

    def count(self, team: str, quota: Quota) -> QuotaLeft | QuotaSpent:
        """Count a request that needs no write to Azure; raises AuditLogUnavailable."""
        ...

    def learn(self, subscription: str, remaining: int) -> None:
        """Remember what Azure said is left, for the next ``ask`` of this process; sends nothing."""
        ...

    def sent(self, subscription: str, writes: int) -> None:
        """Remember writes that nobody asked for, or (negative) that were asked for and not sent; sends nothing."""
        ...

    def close(self, subscription: str, wait: timedelta, *, empty: bool) -> None:
        """Let nobody write for ``wait``; ``empty`` when Azure counted too many writes (429). Never raises."""
        ...
