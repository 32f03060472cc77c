"""Tidy what crashes and bursts leave behind: reservations past their deadline and denials still being counted."""

from datetime import datetime

from sas_service.domain.apart import for_each
from sas_service.domain.audit import EventKind
from sas_service.domain.errors import RecordConflict
from sas_service.domain.token_events import about
from sas_service.domain.tokens import TokenState
from sas_service.ports import Accounts, AuditLog, AuditMirror, Clock


class Reaping:
    """One round of tidying; harmless to repeat and to run in several workers at once."""

    def __init__(self, *, accounts: Accounts, audit_log: AuditLog, mirror: AuditMirror, clock: Clock) -> None:
        self._accounts = accounts
        self._audit_log = audit_log
        self._mirror = mirror
        self._clock = clock

    def run(self) -> int:
        """Return how many reservations were closed as abandoned: the process that made them died in between."""
        now = self._clock.now()
        try:
            return sum(for_each(self._accounts(), lambda account: self._close_overdue(account, now)))
        finally:
            self._mirror.append(self._audit_log.flush_denials(now))

    def _close_overdue(self, account: str, now: datetime) -> int:
        closed = 0
        for record in self._audit_log.overdue(account, now):
            event = about(record, EventKind.ABANDONED, now, record.request_id, cause="deadline passed")
            try:
                events = self._audit_log.settle(record, TokenState.ABANDONED, event)
            except RecordConflict:
                continue  # committed between our look and our write: its owner was slow, not dead
            self._mirror.append(events, sync=False)
            closed += len(events)
        return closed
