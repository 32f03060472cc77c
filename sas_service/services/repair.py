"""Give the audit log back what it lost and the mirror has: exact texts, exact numbers, and the state they led to.

State comes before the events that led to it, and events in order: whoever compares the ends of both places, and that is
what every process does before it serves, sees the loss until the very last event is back.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice

from sas_service.domain.audit import SERVICE_STREAM, AuditEvent, EventDraft, EventKind
from sas_service.domain.errors import AuditLogUnavailable
from sas_service.domain.iso8601 import format_instant
from sas_service.domain.restoration import Restoration, tokens_of
from sas_service.ports import (
    Acknowledgements,
    AuditLog,
    AuditMirror,
    Clock,
    EventStreams,
    LogRepair,
    MirrorReading,
    Suspension,
    Suspensions,
)
from sas_service.services.losses import Loss, LossDetection

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
    tokens: int = 0
    restored: int = 0
    left: list[str] = field(default_factory=list)
    """What events cannot give back, in words."""

    @property
    def needs_word(self) -> bool:
        """Whether somebody has to say what to do first."""
        return bool(self.holes or self.contradictions)


class AuditRepair:
    """One repair at a time; interrupted anywhere, it is begun anew and goes on."""

    def __init__(
        self,
        *,
        detection: LossDetection,
        reading: MirrorReading,
        streams: EventStreams,
        repair: LogRepair,
        audit_log: AuditLog,
        mirror: AuditMirror,
        suspensions: Suspensions,
        acknowledgements: Acknowledgements,
        accounts: Sequence[str],
        clock: Clock,
    ) -> None:
        self._detection = detection
        self._reading = reading
        self._streams = streams
        self._repair = repair
        self._audit_log = audit_log
        self._mirror = mirror
        self._suspensions = suspensions
        self._acknowledgements = acknowledgements
        self._accounts = accounts
        self._clock = clock

    def plan(self) -> list[Finding]:
        """Look what is lost and whether the mirror has all of it; writes nothing."""
        return [self._look(loss) for loss in self._detection.compare().losses]

    def run(
        self, *, fill_holes: bool = False, keep_first: bool = False, progress: Callable[[str, int], None] | None = None
    ) -> list[Finding]:
        """Restore what is lost, if nothing needs a word that was not given; ``progress`` hears stream and events.

        ``fill_holes``: put an event ``eventLost`` where neither place has one. ``keep_first``: where two texts claim
        a number, take the one that was mirrored first, or that the log has.
        """
        with self._repair.alone() as go_on:
            findings = self.plan()
            if any((each.holes and not fill_holes) or (each.contradictions and not keep_first) for each in findings):
                return findings
            for finding in findings:
                for batch in self._batches(finding.loss):
                    go_on()
                    self._restore(finding, batch)
                    if progress:
                        progress(finding.loss.stream, len(batch))
            if findings:
                self._record(findings)
            return findings

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
        """Yield the lost events without gaps; at least one batch, because an epoch may be lost without any event."""
        events = self._filled(loss)
        batch = list(islice(events, BATCH))
        yield batch
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

    def _restore(self, finding: Finding, batch: Sequence[AuditEvent]) -> None:
        stream = finding.loss.stream
        restoration = Restoration(stream)
        if stream != SERVICE_STREAM:
            restoration.records = dict(self._repair.records(stream, tokens_of(batch)))
        before = dict(restoration.records)
        for event in batch:
            restoration.fold(event)
        changed = [record for name, record in restoration.records.items() if before.get(name) != record]
        if stream != SERVICE_STREAM:
            self._repair.restore_records(stream, changed, restoration.committed)
            self._restore_slots(finding, restoration)
            for word in restoration.words:
                self._acknowledgements.put(stream, word)
        self._restore_suspensions(restoration)
        finding.tokens += len(changed)
        finding.left += _left(restoration)
        finding.restored += self._repair.restore_events(stream, batch) if batch else 0

    def _restore_slots(self, finding: Finding, restoration: Restoration) -> None:
        slots = restoration.slots
        if slots is not None:
            self._repair.restore_slots(slots)
        elif finding.loss.is_epoch_lost:
            self._restore_lost_epoch(finding)
        self._repair.rest_leases(restoration.stream)

    def _restore_lost_epoch(self, finding: Finding) -> None:
        """Find the slots of the highest epoch in what the log has itself: the events stayed, the slots did not."""
        restoration = Restoration(finding.loss.stream)
        for event in self._reading.events(finding.loss.stream, 0):
            restoration.fold(event)
            restoration.records.clear()
        if restoration.slots is None or restoration.slots.epoch < finding.loss.mirrored.epoch:
            raise AuditLogUnavailable(f"The mirror speaks of an epoch of {finding.loss.stream}, but not of its slots.")
        self._repair.restore_slots(restoration.slots)

    def _restore_suspensions(self, restoration: Restoration) -> None:
        for told in restoration.suspensions.values():
            if told.in_force:
                suspension = Suspension(told.kind, told.id, told.reason, told.by, told.at)
                self._suspensions.put(suspension, self._accounts)
            else:
                self._suspensions.delete(told.kind, told.id, self._accounts)

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
        self._mirror.append(self._audit_log.append(draft))


def _by_number(events: Iterable[AuditEvent]) -> Iterator[tuple[int, list[str]]]:
    for seq, same in groupby(events, key=lambda event: event.seq):
        yield seq, [event.text for event in same]


def _left(restoration: Restoration) -> list[str]:
    stream = restoration.stream
    left = [f"token {token}: its reservation is nowhere, so it has no record" for token in sorted(restoration.unknown)]
    left += [f"revocation {run}: compare what it says with its events" for run in sorted(restoration.runs)]
    if restoration.lockdown is not None:
        word = "locked" if restoration.lockdown else "released"
        left.append(f"account {stream}: its events say that it was {word}; see to it that it is")
    return left
