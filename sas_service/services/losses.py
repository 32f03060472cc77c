"""Find what the audit log has lost and the mirror still has: numbers and epochs never go back (reliability.md, A14)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sas_service.domain.audit import SERVICE_STREAM
from sas_service.domain.errors import AuditLogUnavailable, NotFound
from sas_service.ports import Head, MirrorReading, Slots, StreamEnds

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Loss:
    """One stream that goes further in the mirror than in the audit log."""

    stream: str
    has: Head
    mirrored: Head

    @property
    def events(self) -> int:
        """How many events are gone, at least."""
        return max(0, self.mirrored.last - self.has.last)

    @property
    def is_epoch_lost(self) -> bool:
        """Whether the account was switched to a later epoch than the audit log knows of."""
        return self.mirrored.epoch > self.has.epoch


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the mirror speaks of, and what the audit log lacks of it."""

    mirrored: tuple[tuple[str, Head], ...]
    losses: tuple[Loss, ...]
    away: tuple[str, ...] = ()
    """Streams whose server is away: nobody knows what it lacks."""


def told(losses: Iterable[Loss]) -> str:
    """Return a sentence's end for people: what the audit log has lost."""
    found = list(losses)
    events = sum(loss.events for loss in found)
    if not events:
        return f"lost the epoch of {', '.join(loss.stream for loss in found)}: run `sas-service audit repair`"
    return f"lost {events} event{'s' * (events != 1)} that the mirror has: run `sas-service audit repair`"


class LossDetection:
    """Compares the ends of all streams. The mirror is read first: what comes in meanwhile is in the log before it.

    ``apart``: the streams lie on several servers. One that is away is not compared, and nothing can be written to it
    meanwhile; its connections are new ones when it is back, and looked at then.
    """

    def __init__(self, *, reading: MirrorReading, streams: StreamEnds, slots: Slots, apart: bool = False) -> None:
        self._reading = reading
        self._streams = streams
        self._slots = slots
        self._apart = apart

    def compare(self) -> Comparison:
        """Return what is lost. Raises AuditLogUnavailable, MirrorUnavailable."""
        mirrored = tuple(sorted(self._reading.heads().items()))
        ends = self._of_each([stream for stream, _ in mirrored], self._end)
        found = (Loss(stream, ends[stream], head) for stream, head in mirrored if stream in ends)
        away = tuple(stream for stream, _ in mirrored if stream not in ends)
        return Comparison(mirrored, tuple(loss for loss in found if loss.events or loss.is_epoch_lost), away)

    def falls_short(self, floors: Mapping[str, int]) -> bool:
        """Tell whether any stream ends before a number that it had, or is missing: a quick look, without the mirror.

        Raises AuditLogUnavailable.
        """
        return any(last < floors[stream] for stream, last in self._of_each(list(floors), self._streams.floor).items())

    def _of_each(self, streams: Sequence[str], ask: Callable[[str], Answer]) -> dict[str, Answer]:
        """Ask for each stream; with ``apart`` without those whose server is away, unless that is all of them."""
        answers: dict[str, Answer] = {}
        away: AuditLogUnavailable | None = None
        for stream in streams:
            try:
                answers[stream] = ask(stream)
            except AuditLogUnavailable as error:
                if not self._apart:
                    raise
                away = error
        if away is not None and not answers:
            raise away
        return answers

    def _end(self, stream: str) -> Head:
        return Head(self._streams.last(stream), self._epoch(stream))

    def _epoch(self, stream: str) -> int:
        if stream == SERVICE_STREAM:
            return 0
        try:
            return self._slots.read(stream).epoch
        except NotFound:
            return 0
