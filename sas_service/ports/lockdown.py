"""What a lockdown needs: an account's local authentication, and the memory that says it is frozen."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from sas_service.domain.lockdowns import Lockdown
from sas_service.ports.revocation import Lease


@dataclass(frozen=True, slots=True)
class LocalAuthReading:
    """Whether an account refuses every key and SAS token; ``others`` is all else of it, in a comparable form."""

    disabled: bool
    others: Mapping[str, str]


class LocalAuth(Protocol):
    """``disableLocalAuth`` of Azure Maps accounts; all methods raise AzureUnavailable, AzureThrottled, AzureRefused."""

    def read(self, account: str) -> LocalAuthReading:
        """Return what the account shows now."""
        ...

    def set(self, account: str, *, disabled: bool, request_id: str) -> str | None:
        """Switch it and touch nothing else; None if it is so already, and then nothing is sent.

        Sent once. ``extra['effect']`` of an error is ``none`` if nothing was changed, else ``unknown``; raises
        WriteUnconfirmed if the account shows more than the change afterwards.
        """
        ...


class Lockdowns(Protocol):
    """Which accounts are locked down; durable when a write returns. All methods raise AuditLogUnavailable.

    While an account is locked down ``AuditLog.reserve`` raises AccountLocked, in the same atomic step as its other
    checks.
    """

    def current(self, account: str) -> Lockdown | None:
        """Return the lockdown that holds the account."""
        ...

    def of(self, account: str) -> tuple[Lockdown, ...]:
        """Return all of an account, newest first."""
        ...

    def begin(self, lockdown: Lockdown, *, instead_of: Lockdown | None = None) -> Lockdown:
        """Freeze the account, in one atomic step: no reservation from here on, and none of before is committed.

        The epoch counts up by one; whoever runs the account loses its lease. Returns the lockdown as kept, with
        ``epoch``: that of the newest tokens that it stops. ``instead_of`` is one that is being released, already in
        its last state. Where another lockdown holds the account, that one is returned and nothing changes.
        Raises RevisionConflict, NotFound for an account without slots.
        """
        ...

    def amend(self, lockdown: Lockdown) -> Lockdown:
        """Write what a person decided, if ``lockdown`` has the newest revision. Raises RevisionConflict."""
        ...

    def save(self, lockdown: Lockdown, *, lease: Lease) -> Lockdown:
        """Write what a worker did; one that is over frees the account in the same step.

        Raises RevisionConflict, LeaseLost.
        """
        ...
