"""What a worker remembers of an account between its looks, beside the journal of revocations."""

from typing import Protocol

from sas_service.domain.drift import Known
from sas_service.domain.runs import Revocation


class AccountNotes(Protocol):
    """Two notes per account, written under the account's newest fence; all methods raise AuditLogUnavailable."""

    def known(self, account: str) -> Known | None:
        """Return what was last known to be right, None before the first look."""
        ...

    def keep_known(self, known: Known, *, fence: int) -> None:
        """Remember it. Raises LeaseLost."""
        ...

    def forget_known(self, account: str) -> None:
        """Let the next look take what is there for right: a person has looked."""
        ...

    def standby(self, account: str) -> Revocation | None:
        """Return how far the standby's upkeep is, written as a run that nobody started."""
        ...

    def keep_standby(self, upkeep: Revocation, *, fence: int) -> None:
        """Remember it. Raises LeaseLost."""
        ...
