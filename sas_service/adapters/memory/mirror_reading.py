"""Reading the mirror back, in memory."""

import json
from collections.abc import Callable, Iterator, Mapping

from sas_service.adapters.memory.failing import Failing
from sas_service.domain.audit import AuditEvent
from sas_service.ports import Head


class MemoryMirrorReading(Failing):
    """The port ``MirrorReading`` over a list of lines."""

    def __init__(self, lines: Callable[[], list[str]]) -> None:
        super().__init__()
        self._lines = lines

    def heads(self) -> Mapping[str, Head]:
        """Return the end of every stream."""
        self._fail_if_told()
        heads: dict[str, Head] = {}
        for members in map(json.loads, self._lines()):
            last = members.get("seq") or members.get("size") or 0
            granted = members.get("granted") or members.get("evidence") or {}
            head = Head(last, granted.get("epoch") or 0)
            heads[members["stream"]] = heads.get(members["stream"], Head()).joined(head)
        return heads

    def events(self, stream: str, after: int, upto: int | None = None) -> Iterator[AuditEvent]:
        """Yield the events of a stream by number, each text once."""
        self._fail_if_told()
        found: dict[AuditEvent, None] = {}
        for text in self._lines():
            members = json.loads(text)
            seq = members.get("seq", 0)
            if members["stream"] == stream and seq > after and (upto is None or seq <= upto):
                found[AuditEvent(stream, seq, text)] = None
        yield from sorted(found, key=lambda event: event.seq)
