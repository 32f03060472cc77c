"""Give the audit log back what it lost and the mirror has: exact texts, exact numbers, and the state they led to.

State comes before the events that led to it, and events in order: whoever compares the ends of both places, and that is
what every process does before it serves, sees the loss until the very last event is back.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, islice

from sas_service.domain.audit import SERVICE_STREAM, AuditEvent, EventDraft, EventKind
from sas_service.domain.errors import AuditLogUnavailable
from sas_service.domain.iso8601 import format_instant
from sas_service.ports import AuditLog, AuditMirror, Clock, EventStreams, LogRepair, MirrorReading
from sas_service.services.losses import Loss, LossDetection
from sas_service.services.restore import Memory, Restored, StreamRestoring

BATCH = 1_000
TAIL = 1_000
"""How many of the newest events that both have are compared: what was written after a loss differs there."""


@dataclass(slots=True)
class Finding:
    """What a repair of one stream finds and does; ``holes`` and ``contradictions`` need a person's word."""

    loss: Loss
    events: int = 0
    holes: list[int] = field(default_factory=list)
    contradictions: list[int] = field(default_factory=list)
    restored: Restored = field(default_factory=Restored)
    is_away: bool = False
    """Whether its server, or the service's, went away meanwhile: it is to be repaired again."""

    @property
    def needs_word(self) -> bool:
        """Whether somebody has to say what to do first."""
        return bool(self.holes or self.contradictions)


@dataclass(frozen=True, slots=True)
class Found:
    """What a repair found: losses, and the streams of which nobody knows, because their server is ``away``."""

    findings: tuple[Finding, ...]
    away: tuple[str, ...]


class AuditRepair:
    """One repair of a stream at a time; interrupted anywhere, it is begun anew and goes on.

    ``apart``: the streams lie on several servers, and one that is away holds up no other.
    """

    def __init__(
        self,
        *,
        detection: LossDetection,
        reading: MirrorReading,
        streams: EventStreams,
        repair: LogRepair,
        audit_log: AuditLog,
        mirror: AuditMirror,
        memory: Memory,
        accounts: Sequence[str],
        clock: Clock,
        apart: bool = False,
    ) -> None:
        self._detection = detection
        self._reading = reading
        self._streams = streams
        self._repair = repair
        self._audit_log = audit_log
        self._mirror = mirror
        self._memory = memory
        self._accounts = accounts
        self._clock = clock
        self._apart = apart

    def plan(self) -> Found:
        """Look what is lost and whether the mirror has all of it; writes nothing.

        Raises AuditLogUnavailable if nothing can be reached, MirrorUnavailable.
        """
        comparison = self._detection.compare()
        # Who is suspended is the service's to say: first of all, so that no account opens without it.
        losses = sorted(comparison.losses, key=lambda loss: (loss.stream != SERVICE_STREAM, loss.stream))
        return Found(tuple(self._look(loss) for loss in losses), comparison.away)

    def run(
        self, *, fill_holes: bool = False, keep_first: bool = False, progress: Callable[[str, int], None] | None = None
    ) -> Found:
        """Restore what is lost, if nothing needs a word that was not given; ``progress`` hears stream and events.

        ``fill_holes``: put an event ``eventLost`` where neither place has one. ``keep_first``: where two texts claim
        a number, take the one that was mirrored first, or that the log has.
        """
        found = self.plan()
        if any((each.holes and not fill_holes) or (each.contradictions and not keep_first) for each in found.findings):
            return found
        accounts = [each for each in self._accounts if each not in found.away]
        for finding in found.findings:
            try:
                self._repair_stream(finding, accounts, progress)
            except AuditLogUnavailable:
                if not self._apart:
                    raise
                finding.is_away = True
        done = [each for each in found.findings if not each.is_away]
        if done:
            self._record(done)
        return found

    def _repair_stream(
        self, finding: Finding, accounts: Sequence[str], progress: Callable[[str, int], None] | None
    ) -> None:
        stream = finding.loss.stream
        with self._repair.alone(stream) as go_on:
            restoring = StreamRestoring(
                stream, reading=self._reading, repair=self._repair, memory=self._memory, accounts=accounts
            )
            finding.restored = restoring.restored
            self._demand_unchanged(finding.loss)
            restoring.begin(finding.loss)
            for batch in self._batches(finding.loss):
                go_on()
                restoring.restore(batch)
                if progress:
                    progress(stream, len(batch))
            restoring.finish(finding.loss)

    def _demand_unchanged(self, loss: Loss) -> None:
        """Another repair may have ended since this one looked: what came after it must not be written over."""
        if self._streams.last(loss.stream) != loss.has.last:
            raise AuditLogUnavailable("The audit log was repaired by somebody else meanwhile: look again.")

    def _look(self, loss: Loss) -> Finding:
        finding = Finding(loss)
        after = max(0, loss.has.last - TAIL)
        known = {event.seq: event.text for event in self._streams.after(loss.stream, after, TAIL)}
        expected = loss.has.last
        for seq, texts in _by_number(self._reading.events(loss.stream, after)):
            if len(texts) > 1 or (seq in known and known[seq] not in texts):
                finding.contradictions.append(seq)
            if seq > loss.has.last:
                finding.holes += range(expected + 1, seq)
                expected = seq
                finding.events += 1
        finding.holes += range(expected + 1, loss.mirrored.last + 1)
        return finding

    def _batches(self, loss: Loss) -> Iterator[list[AuditEvent]]:
        """Yield the lost events without gaps."""
        events = self._filled(loss)
        while batch := list(islice(events, BATCH)):
            yield batch

    def _filled(self, loss: Loss) -> Iterator[AuditEvent]:
        expected = loss.has.last + 1
        for seq, texts in _by_number(self._reading.events(loss.stream, loss.has.last)):
            yield from self._placeholders(loss.stream, expected, seq)
            yield AuditEvent(loss.stream, seq, texts[0])
            expected = seq + 1
        yield from self._placeholders(loss.stream, expected, loss.mirrored.last + 1)

    def _placeholders(self, stream: str, first: int, end: int) -> Iterator[AuditEvent]:
        for seq in range(first, end):
            members = {"stream": stream, "seq": seq, "kind": EventKind.EVENT_LOST.value}
            at = {"at": format_instant(self._clock.now())}
            event = AuditEvent(stream, seq, json.dumps({**members, **at}, separators=(",", ":")))
            # In the mirror first, as the text of that number: a repair that is begun anew finds it there.
            self._mirror.append([event])
            yield event

    def _record(self, findings: Sequence[Finding]) -> None:
        repaired = [
            {
                "stream": each.loss.stream,
                "first": each.loss.has.last + 1,
                "last": each.loss.mirrored.last,
                "lost": len(each.holes),
                "contradictions": each.contradictions[:100],
            }
            for each in findings
        ]
        draft = EventDraft(EventKind.LOG_REPAIRED, self._clock.now(), details={"repaired": repaired})
        try:
            events = self._audit_log.append(draft)
        except AuditLogUnavailable:
            if not self._apart:
                raise
            # The service's own stream is away: then it is on record where it was done.
            first = findings[0].loss.stream
            events = self._audit_log.append(replace(draft, account=first))
        self._mirror.append(events)


def _by_number(events: Iterable[AuditEvent]) -> Iterator[tuple[int, list[str]]]:
    for seq, same in groupby(events, key=lambda event: event.seq):
        yield seq, [event.text for event in same]
