"""The removal of what is old, in memory: what is gone is remembered, and a stream without it can be read."""

from collections.abc import Callable, Sequence

from sas_service.adapters.memory.failing import Failing
from sas_service.domain.audit import AuditEvent
from sas_service.ports import EventStreams


class MemoryAging(Failing):
    """The port ``Aging``, and the port ``EventStreams`` over what is left."""

    def __init__(self, streams: EventStreams) -> None:
        super().__init__()
        self._streams = streams
        self._removed: dict[str, int] = {}
        self.tokens: set[str] = set()

    def remove(self, stream: str, events: Sequence[AuditEvent], tokens: Sequence[str]) -> None:
        """Take these events and the records of these tokens away."""
        self._fail_if_told()
        if events and events[0].seq > self._removed.get(stream, 0) + 1:
            raise ValueError("events are removed from the beginning of a stream")
        self._removed[stream] = max(self._removed.get(stream, 0), *(event.seq for event in events))
        self.tokens.update(tokens)

    def last(self, stream: str) -> int:
        """Return the number of the newest event."""
        return self._streams.last(stream)

    def after(self, stream: str, seq: int, limit: int) -> tuple[AuditEvent, ...]:
        """Return events that are left with greater numbers."""
        return self._streams.after(stream, max(seq, self._removed.get(stream, 0)), limit)


class MemoryMirroredEvents(Failing):
    """The port ``MirroredEvents`` over a list of lines."""

    def __init__(self, lines: Callable[[], list[str]]) -> None:
        super().__init__()
        self._lines = lines

    def missing(self, events: Sequence[AuditEvent]) -> tuple[AuditEvent, ...]:
        """Return those that are no line."""
        self._fail_if_told()
        known = set(self._lines())
        return tuple(event for event in events if event.text not in known)
