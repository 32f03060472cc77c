"""What says which slot signs, and who is stopped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sas_service.domain.slots import AccountSlots


class Slots(Protocol):
    """The active slots of each account."""

    def read(self, account: str) -> AccountSlots:
        """Return what is active. Raises AuditLogUnavailable, NotFound before ``initialise``."""
        ...

    def initialise(self, account: str, identities: Mapping[str, str]) -> AccountSlots:
        """Give profiles that have none their first identity (profile -> identity name); never changes an existing one.

        A new account starts with epoch 1 and ``primaryKey``.
        """
        ...


@dataclass(frozen=True, slots=True)
class Suspension:
    """Who or what gets no token for now."""

    kind: str
    id: str
    reason: str | None
    by: Mapping[str, str]
    at: datetime


class Suspensions(Protocol):
    """Suspended teams, clients (application ids) and profiles; checked inside ``AuditLog.reserve``."""

    def list(self) -> tuple[Suspension, ...]:
        """Return all, by kind and id. Raises AuditLogUnavailable."""
        ...

    def put(self, suspension: Suspension, accounts: Sequence[str]) -> bool:
        """Suspend at once on every account; returns whether it is new. Raises AuditLogUnavailable."""
        ...

    def delete(self, kind: str, suspended: str, accounts: Sequence[str]) -> bool:
        """Lift it; returns whether there was one. Raises AuditLogUnavailable."""
        ...

    def sync(self, accounts: Sequence[str]) -> None:
        """Copy all to accounts that are new to the policy. Raises AuditLogUnavailable."""
        ...
