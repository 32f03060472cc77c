"""Putting back what the audit log in memory lost."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock

from sas_service.adapters.memory.audit_log import MemoryAuditLog
from sas_service.adapters.memory.journal import MemoryJournal
from sas_service.adapters.memory.lockdowns import MemoryLockdowns
from sas_service.adapters.memory.slots import MemorySlots
from sas_service.adapters.memory.suspensions import MemorySuspensions
from sas_service.domain.audit import SERVICE_STREAM, AuditEvent, EventDraft, EventKind
from sas_service.domain.errors import AuditLogUnavailable
from sas_service.domain.iso8601 import parse_instant
from sas_service.domain.lockdowns import Lockdown
from sas_service.domain.runs import Revocation
from sas_service.domain.slots import AccountSlots
from sas_service.domain.tokens import TokenRecord
from sas_service.ports import Suspension


class MemoryRepair:
    """The port ``LogRepair`` over the twins."""

    def __init__(
        self,
        log: MemoryAuditLog,
        slots: MemorySlots,
        *,
        lockdowns: MemoryLockdowns,
        journal: MemoryJournal,
        suspensions: MemorySuspensions,
    ) -> None:
        self._log = log
        self._slots = slots
        self._lockdowns = lockdowns
        self._journal = journal
        self._suspensions = suspensions
        self._guard = Lock()
        self._repaired: set[str] = set()
        self.resting: set[str] = set()

    @contextmanager
    def alone(self, stream: str) -> Iterator[Callable[[], None]]:
        """Keep other repairs of a stream out."""
        with self._guard:
            if stream in self._repaired:
                raise AuditLogUnavailable("The audit log is being repaired by somebody else.")
            self._repaired.add(stream)
        try:
            yield lambda: None
        finally:
            self._repaired.discard(stream)

    def records(self, account: str, ids: Collection[str]) -> Mapping[str, TokenRecord]:
        """Return the records that the log has of these tokens."""
        found = (self._log.token(each) for each in ids if each.startswith(f"{account}."))
        return {record.id: record for record in found if record}

    def restore_records(self, account: str, records: Collection[TokenRecord], committed: Collection[str]) -> None:
        """Write the records with all their indexes."""
        for record in records:
            if record.grant.account == account:
                self._log.restore_record(record, committed=record.id in committed)

    def restore_slots(self, slots: AccountSlots) -> None:
        """Make these the account's slots if its epoch is lower."""
        self._slots.restore(slots)

    def restore_lockdowns(self, account: str, lockdowns: Collection[Lockdown], holding: str | None) -> None:
        """Write the lockdowns, and freeze the account for the one that holds it."""
        self._lockdowns.restore(lockdowns)
        self._slots.hold(account, holding)

    def restore_journal(self, account: str, runs: Collection[Revocation], running: str | None) -> None:  # noqa: ARG002
        """Write the runs; here the one that is open holds the account, and needs no name."""
        self._journal.restore(each for each in runs if each.account == account)

    def restore_suspended(self, account: str, suspensions: Collection[Suspension]) -> None:
        """Let these be in force on the account."""
        self._suspensions.hold(account, {(each.kind, each.id) for each in suspensions})

    def restore_events(self, stream: str, events: Sequence[AuditEvent]) -> int:
        """Append events under their own numbers."""
        try:
            return sum(self._log.restore_event(event, _draft(stream, event)) for event in events)
        except ValueError:
            raise AuditLogUnavailable("The audit log did not take back an event.") from None

    def rest_leases(self, account: str) -> None:
        """Remember that nobody may have the account's lease for a while."""
        self.resting.add(account)


def _draft(stream: str, event: AuditEvent) -> EventDraft:
    members = json.loads(event.text)
    account = None if stream == SERVICE_STREAM else stream
    return EventDraft(
        EventKind(members["kind"]),
        parse_instant(members["at"]),
        account=account,
        team=members.get("team"),
        token=members.get("token"),
        caller=members.get("caller"),
        request_id=members.get("requestId"),
    )
