"""Whether the mirror has what Redis has: looked up by number, compared byte for byte."""

from collections.abc import Sequence

from sas_service.domain.audit import AuditEvent
from sas_service.ports import MirrorReading


class LookedUp:
    """The port ``MirroredEvents`` over any mirror that can be read."""

    def __init__(self, reading: MirrorReading) -> None:
        self._reading = reading

    def missing(self, events: Sequence[AuditEvent]) -> tuple[AuditEvent, ...]:
        """Return those of ``events`` that the mirror does not have, byte for byte."""
        known: set[AuditEvent] = set()
        for stream in sorted({event.stream for event in events}):
            numbers = [event.seq for event in events if event.stream == stream]
            known.update(self._reading.events(stream, min(numbers) - 1, max(numbers)))
        return tuple(event for event in events if event not in known)
