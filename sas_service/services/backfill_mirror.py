"""Write to the mirror what the audit log has and the mirror missed: after a 503, or a write that nobody waited for."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import takewhile
from json import loads

from sas_service.domain.apart import for_each
from sas_service.domain.audit import SERVICE_STREAM, AuditEvent
from sas_service.domain.errors import AuditLogUnavailable
from sas_service.domain.iso8601 import parse_instant
from sas_service.ports import Accounts, AuditMirror, Clock, EventStreams, MirrorProgress, MirrorReading
from sas_service.ports.aging import MirroredEvents

BATCH = 500
MOST_PER_ROUND = 5_000
"""How many events of a stream one round compares: about as many as a busy service writes in a minute."""

GRACE = timedelta(seconds=10)
"""Whoever wrote an event mirrors it within this time, or never will."""


class MirrorBackfill:
    """Rounds of comparing and filling in; any number of workers may do them, an event may be in the mirror twice."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        streams: EventStreams,
        reading: MirrorReading,
        mirrored: MirroredEvents,
        mirror: AuditMirror,
        progress: MirrorProgress,
        clock: Clock,
        batch: int = BATCH,
        most: int = MOST_PER_ROUND,
    ) -> None:
        self._accounts = accounts
        self._streams = streams
        self._reading = reading
        self._mirrored = mirrored
        self._mirror = mirror
        self._progress = progress
        self._clock = clock
        self._batch = batch
        self._batches = most // batch

    def run(self) -> int:
        """Do one round; returns how many events were missing. Raises AuditLogUnavailable, MirrorUnavailable."""
        heads = self._reading.heads()
        return sum(
            for_each(self._all(), lambda stream: self._fill(stream, heads[stream].last if stream in heads else 0))
        )

    def behind(self) -> int:
        """Return how many events are not known to be in the mirror, of the streams whose server is not away."""
        return sum(self._behind(stream) for stream in self._all())

    def _behind(self, stream: str) -> int:
        try:
            return max(0, self._streams.last(stream) - self._progress.read(stream))
        except AuditLogUnavailable:
            return 0  # that a server is away is said, and judged, where the servers are asked

    def _all(self) -> tuple[str, ...]:
        return (*self._accounts(), SERVICE_STREAM)

    def _fill(self, stream: str, last: int) -> int:
        filled, done = 0, self._progress.read(stream)
        if done > last:
            # The mirror had more: its place was changed, or emptied. What is still in the log is written again.
            done = 0
            self._progress.write(stream, 0)
        for batch in self._settled(stream, done):
            missing = self._mirrored.missing(batch)
            self._mirror.append(missing)
            self._progress.write(stream, batch[-1].seq)
            filled += len(missing)
        return filled

    def _settled(self, stream: str, done: int) -> Iterator[Sequence[AuditEvent]]:
        before = self._clock.now() - GRACE
        for _ in range(self._batches):
            read = self._streams.after(stream, done, self._batch)
            batch = list(takewhile(lambda event: parse_instant(loads(event.text)["at"]) < before, read))
            if not batch:
                return
            yield batch
            done = batch[-1].seq
