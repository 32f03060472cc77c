"""The audit mirror as a list of lines."""

from collections.abc import Sequence
from threading import Lock

from sas_service.adapters.memory.failing import Failing
from sas_service.domain.audit import AuditEvent


class MemoryAuditMirror(Failing):
    """The port ``AuditMirror``; ``fail_with`` lets the next calls raise."""

    def __init__(self) -> None:
        super().__init__()
        self._events: list[AuditEvent] = []
        self._guard = Lock()

    def append(self, events: Sequence[AuditEvent], *, sync: bool = True) -> None:  # noqa: ARG002  memory has no disk
        """Keep the events; all of them or, when told to fail, none."""
        if not events:
            return
        self._fail_if_told()
        with self._guard:
            self._events.extend(events)

    def check(self) -> None:
        """Raise what was ordered."""
        self._fail_if_told()

    def lines(self) -> list[str]:
        """Return the text of every event in the order of arrival."""
        with self._guard:
            return [event.text for event in self._events]
