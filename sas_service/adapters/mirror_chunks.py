"""What the lines of a mirror's segment say, chunk by chunk: enough to know where to look, without keeping the lines."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sas_service.domain.audit import AuditEvent
from sas_service.ports import Head

CHUNK_BYTES = 4 * 1024 * 1024
_EVENT = re.compile(rb'\{"stream":\s?"([^"\\]*)",\s?"seq":\s?(\d+),')
_CHECKPOINT = re.compile(rb'\{"stream":\s?"([^"\\]*)",\s?"size":\s?(\d+),\s?"checkpoint":')
_EPOCH = re.compile(rb'"epoch":\s?(\d+)')


@dataclass(frozen=True, slots=True)
class Span:
    """The numbers of one stream in a chunk: the lowest and the highest event (0, 0 for none), and its head."""

    first: int
    last: int
    head: Head

    def overlaps(self, after: int, upto: int | None) -> bool:
        """Tell whether events after ``after`` and up to ``upto`` may be there."""
        return self.last > after and (upto is None or self.first <= upto)

    def joined(self, other: "Span") -> "Span":
        """Return the span of both."""
        known = [each for each in (self, other) if each.last]
        first = min((each.first for each in known), default=0)
        return Span(first, max(self.last, other.last), self.head.joined(other.head))


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some whole lines of a segment, and what they speak of."""

    offset: int
    length: int
    spans: Mapping[str, Span]


@dataclass(frozen=True, slots=True)
class SegmentIndex:
    """What is known of a segment: its first ``length`` bytes, in chunks."""

    chunks: tuple[Chunk, ...] = ()
    spans: Mapping[str, Span] = field(default_factory=dict)

    @property
    def length(self) -> int:
        """How many bytes are indexed; always at the end of a line."""
        return self.chunks[-1].offset + self.chunks[-1].length if self.chunks else 0

    def with_chunk(self, chunk: Chunk) -> "SegmentIndex":
        """Return the index with one more chunk; joined to the last one while both are small."""
        last = self.chunks[-1] if self.chunks else None
        chunks = self.chunks
        if last and last.length + chunk.length <= CHUNK_BYTES:
            chunk = Chunk(last.offset, last.length + chunk.length, _joined(last.spans, chunk.spans))
            chunks = chunks[:-1]
        return SegmentIndex((*chunks, chunk), _joined(self.spans, chunk.spans))

    def write(self) -> str:
        """Return the text that ``read`` understands."""
        chunks = [[each.offset, each.length, _told(each.spans)] for each in self.chunks]
        return json.dumps({"version": 1, "chunks": chunks}, separators=(",", ":"))


def read_index(text: str) -> SegmentIndex:
    """Return a written index, an empty one if it cannot be read: then the segment itself is."""
    try:
        document = json.loads(text)
        if document["version"] != 1:
            return SegmentIndex()
        index = SegmentIndex()
        for offset, length, spans in document["chunks"]:
            heard = {name: Span(first, last, Head(*head)) for name, (first, last, *head) in spans.items()}
            index = SegmentIndex((*index.chunks, Chunk(offset, length, heard)), _joined(index.spans, heard))
    except (KeyError, TypeError, ValueError):
        return SegmentIndex()
    return index


def chunk_of(offset: int, data: bytes) -> Chunk | None:
    """Return the chunk that ``data``, read at ``offset``, begins with: its whole lines. None without any.

    What follows the last line break is a line being written, or one that a killed process left torn.
    """
    length = data.rfind(b"\n") + 1
    if not length:
        return None
    spans: dict[str, Span] = {}
    for line in data[:length].splitlines():
        if (said := _span_of(line)) is not None:
            name, span = said
            spans[name] = spans[name].joined(span) if name in spans else span
    return Chunk(offset, length, spans)


def events_in(data: bytes, stream: str, after: int, upto: int | None) -> Iterator[AuditEvent]:
    """Yield the events of a stream that the whole lines of ``data`` hold, as they stand there."""
    wanted = stream.encode()
    for line in data[: data.rfind(b"\n") + 1].splitlines():
        found = _EVENT.match(line)
        if found is None or found[1] != wanted:
            continue
        seq = int(found[2])
        if seq > after and (upto is None or seq <= upto) and line.endswith(b"}"):
            yield AuditEvent(stream, seq, line.decode(errors="replace"))


def _span_of(line: bytes) -> tuple[str, Span] | None:
    if found := _EVENT.match(line):
        seq, epoch = int(found[2]), _EPOCH.search(line)
        return found[1].decode(), Span(seq, seq, Head(seq, int(epoch[1]) if epoch else 0))
    if found := _CHECKPOINT.match(line):
        return found[1].decode(), Span(0, 0, Head(int(found[2])))
    return None


def _joined(ours: Mapping[str, Span], theirs: Mapping[str, Span]) -> Mapping[str, Span]:
    return {
        **ours,
        **{name: ours[name].joined(span) if name in ours else span for name, span in theirs.items()},
    }


def _told(spans: Mapping[str, Span]) -> Mapping[str, list[int]]:
    return {name: [span.first, span.last, span.head.last, span.head.epoch] for name, span in spans.items()}
