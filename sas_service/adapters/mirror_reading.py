"""The port MirrorReading over segments of whole lines, wherever they lie: files, or append blobs."""

from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Protocol

from sas_service.adapters.mirror_chunks import CHUNK_BYTES, SegmentIndex, chunk_of, events_in, read_index
from sas_service.domain.audit import AuditEvent
from sas_service.ports import Head

WINDOW = 10_000
"""How many numbers are put in order at a time: about 10 MiB of events."""

_OFTEN = 2 * CHUNK_BYTES
"""Bytes that a segment grows by before its index is written anew."""


class Segments(Protocol):
    """Where segments lie. All methods raise MirrorUnavailable."""

    def sizes(self) -> Mapping[str, int]:
        """Return the name of every segment and its size in bytes."""
        ...

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes of a segment; fewer at its end, none of one that is gone."""
        ...

    def read_index(self, name: str) -> str | None:
        """Return the index beside a segment, None if there is none."""
        ...

    def write_index(self, name: str, text: str) -> None:
        """Put an index beside a segment, in the place of an older one, all or nothing."""
        ...


class SegmentReading:
    """Remembers which numbers lie where, and reads of each segment only what was written since it last looked."""

    def __init__(self, segments: Segments, *, window: int = WINDOW) -> None:
        self._segments = segments
        self._window = window
        self._guard = Lock()
        self._indexes: dict[str, SegmentIndex] = {}
        self._written: dict[str, int] = {}
        self._quiet: set[str] = set()

    def heads(self) -> Mapping[str, Head]:
        """Return the end of every stream as of now. Raises MirrorUnavailable."""
        found: dict[str, Head] = {}
        for index in self._looked():
            for stream, span in index[1].spans.items():
                found[stream] = found.get(stream, Head()).joined(span.head)
        return found

    def events(self, stream: str, after: int, upto: int | None = None) -> Iterator[AuditEvent]:
        """Yield the events of a stream by number, window by window. Raises MirrorUnavailable."""
        looked = self._looked()
        spans = [index.spans[stream] for _, index in looked if stream in index.spans]
        last = max((span.last for span in spans), default=0)
        last = last if upto is None else min(last, upto)
        while after < last:
            end = min(after + self._window, last)
            yield from self._in_order(looked, stream, after, end)
            after = end

    def write_indexes(self) -> int:
        """Write the index of every segment that has grown much, or has stopped growing; returns how many.

        So a process that starts reads the indexes and the ends of a few segments, not the whole mirror. Raises
        MirrorUnavailable.
        """
        written = 0
        for name, index in self._looked():
            known = self._written.get(name, 0)
            is_quiet = name in self._quiet and index.length > known
            if index.length - known >= _OFTEN or is_quiet:
                self._segments.write_index(name, index.write())
                self._written[name] = index.length
                written += 1
            self._quiet = {each for each in self._quiet if each != name} | {name}
        return written

    def _looked(self) -> list[tuple[str, SegmentIndex]]:
        """Bring the indexes up to date and return them by name."""
        with self._guard:
            sizes = self._segments.sizes()
            for name in self._indexes.keys() - sizes.keys():
                del self._indexes[name]
            for name in sorted(sizes):
                self._follow(name, sizes[name])
            return sorted(self._indexes.items())

    def _follow(self, name: str, size: int) -> None:
        index = self._indexes.get(name)
        if index is None:
            index = read_index(self._segments.read_index(name) or "")
            self._written[name] = index.length
        if index.length > size or (index.length < size and not self._is_whole(name, index)):
            # A failed write was cut back: what was read of it is not there any more.
            index = SegmentIndex()
            self._written[name] = 0
        if index.length < size:
            self._quiet.discard(name)
        while index.length < size:
            chunk = chunk_of(index.length, self._line_or_more(name, index.length))
            if chunk is None:
                break
            index = index.with_chunk(chunk)
        self._indexes[name] = index

    def _is_whole(self, name: str, index: SegmentIndex) -> bool:
        return not index.length or self._segments.read(name, index.length - 1, 1) == b"\n"

    def _line_or_more(self, name: str, offset: int) -> bytes:
        length = CHUNK_BYTES
        while True:
            data = self._segments.read(name, offset, length)
            if b"\n" in data or len(data) < length:
                return data
            length *= 4  # one line longer than a chunk

    def _in_order(
        self, looked: list[tuple[str, SegmentIndex]], stream: str, after: int, upto: int
    ) -> Iterator[AuditEvent]:
        texts: dict[int, list[str]] = {}
        for name, index in looked:
            for chunk in index.chunks:
                span = chunk.spans.get(stream)
                if span is None or not span.overlaps(after, upto):
                    continue
                for event in events_in(self._segments.read(name, chunk.offset, chunk.length), stream, after, upto):
                    known = texts.setdefault(event.seq, [])
                    if event.text not in known:
                        known.append(event.text)
        for seq in sorted(texts):
            yield from (AuditEvent(stream, seq, text) for text in texts[seq])
