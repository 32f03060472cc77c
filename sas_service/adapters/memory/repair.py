"""Putting back what the audit log in memory lost."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from sas_service.adapters.memory.audit_log import MemoryAuditLog
from sas_service.adapters.memory.slots import MemorySlots
from sas_service.domain.errors import AuditLogUnavailable


class MemoryRepair:
    """The port ``LogRepair`` over the twins."""

    def __init__(self, log: MemoryAuditLog, slots: MemorySlots) -> None:
        self._log = log
        self._slots = slots
        self._alone = Lock()

    @contextmanager
    def alone(self) -> Iterator[Callable[[], None]]:
        """Keep other repairs out."""
        if not self._alone.acquire(blocking=False):
            raise AuditLogUnavailable("The audit log is being repaired by somebody else.")
        try:
            yield lambda: None
        finally:
            self._alone.release()
