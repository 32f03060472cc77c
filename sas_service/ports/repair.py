"""What a repair does to the audit log: put back what it lost, exactly as it was."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from sas_service.domain.audit import AuditEvent
from sas_service.domain.lockdowns import Lockdown
from sas_service.domain.runs import Revocation
from sas_service.domain.slots import AccountSlots
from sas_service.domain.tokens import TokenRecord
from sas_service.ports.control import Suspension


class LogRepair(Protocol):
    """Writes without numbering anew. All methods raise AuditLogUnavailable, and may be repeated."""

    def alone(self, stream: str) -> AbstractContextManager[Callable[[], None]]:
        """Keep other repairs of a stream out.

        What it gives is called now and then, and raises if another has taken over.
        """
        ...

    def records(self, account: str, ids: Collection[str]) -> Mapping[str, TokenRecord]:
        """Return the records that the log has of these tokens, by id."""
        ...

    def restore_records(self, account: str, records: Collection[TokenRecord], committed: Collection[str]) -> None:
        """Write the records, whatever was there, with all their indexes; those ``committed`` are listed as issued.

        An open reservation is overdue at once: nobody who made it is alive.
        """
        ...

    def restore_slots(self, slots: AccountSlots) -> None:
        """Make these the account's slots if its epoch is lower; at the same epoch only fill in what it lacks."""
        ...

    def restore_lockdowns(self, account: str, lockdowns: Collection[Lockdown], holding: str | None) -> None:
        """Write the lockdowns, whatever was there, and freeze the account for ``holding``; with None, free it.

        The account has slots.
        """
        ...

    def restore_journal(self, account: str, runs: Collection[Revocation], running: str | None) -> None:
        """Write the runs, whatever was there, in this order behind those that are there; ``running`` holds the account.

        A run that is written is found by its id.
        """
        ...

    def restore_suspended(self, account: str, suspensions: Collection[Suspension]) -> None:
        """Let these be in force on the account, beside those that are, until its copy is made anew from the list."""
        ...

    def restore_events(self, stream: str, events: Sequence[AuditEvent]) -> int:
        """Append events under their own numbers, text for text, durably; returns how many were not there yet.

        The first one's number follows the stream's last, or is not greater.
        """
        ...

    def rest_leases(self, account: str) -> None:
        """Let nobody have the account's lease before one lease has passed: somebody may hold one that was lost."""
        ...
