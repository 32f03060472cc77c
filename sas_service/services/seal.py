"""Seal the audit log: every stream a Merkle tree, its root signed again and again, the checkpoints in the mirror.

A round does what is due and may stop anywhere. Order makes that safe: the events that are sealed are durable before
the checkpoint leaves (or a crash would take back what was signed), and the mirror has it before it is shown.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from sas_service.domain.apart import for_each
from sas_service.domain.audit import SERVICE_STREAM, AuditEvent, EventDraft, EventKind
from sas_service.domain.checkpoints import Checkpoint, origin_of
from sas_service.domain.errors import SealBroken
from sas_service.domain.merkle import leaf_hash
from sas_service.domain.signed_notes import write_note
from sas_service.domain.tiles import WIDTH, grow
from sas_service.ports import Accounts, AuditLog, AuditMirror, Clock, EventStreams, Seal, Seals, Signing

MOST_PER_ROUND = 5_000
"""How many events of a stream one round seals: about as many as a busy service writes in a minute."""

BATCH = 500
SEAL_EVERY = timedelta(seconds=5)
"""How often a worker does a round; so long an event may be on record and not sealed."""


class StreamSealing:
    """Rounds of sealing; any number of workers may do them at once."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        streams: EventStreams,
        seals: Seals,
        signing: Signing,
        audit_log: AuditLog,
        mirror: AuditMirror,
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._streams = streams
        self._seals = seals
        self._signing = signing
        self._audit_log = audit_log
        self._mirror = mirror
        self._clock = clock

    def run(self) -> int:
        """Seal what is new in every stream; returns how many events.

        Raises SealBroken after the round if any stream is not what was sealed before: that is also an event; and
        AuditLogUnavailable after it if a stream's server is away.
        """

        def seal(stream: str) -> int:
            try:
                return self.seal(stream)
            except SealBroken as error:
                self._report(stream, error)
                raise

        return sum(for_each((*self._accounts(), SERVICE_STREAM), seal))

    def seal(self, stream: str) -> int:
        """Seal what is new in one stream; returns how many events. Raises SealBroken."""
        seal = self._seals.read(stream)
        if seal.is_pending:
            # Whether it is durable, nobody knows: the worker that wrote it may have died before it was told.
            if not self._seals.advance(stream, seal, seal):
                return 0
            self._publish(stream, seal)
            return 0
        self._look_again(stream, seal)
        events = self._new_events(stream, seal.size)
        if not events:
            return 0
        frontier, pieces = grow(seal.frontier, (leaf_hash(event.text) for event in events))
        text = Checkpoint(origin_of(self._signing.verifying_key.name, stream), frontier.size, frontier.root).text
        note = write_note(text, self._signing.verifying_key, self._signing.sign(text.encode()))
        grown = replace(seal, frontier=frontier, checkpoint=note)
        if not self._seals.advance(stream, seal, grown, pieces):
            return 0  # another worker was faster: what it sealed is as good
        self._publish(stream, grown)
        return len(events)

    def _publish(self, stream: str, seal: Seal) -> None:
        self._mirror.append([checkpoint_line(stream, seal.checkpoint)])
        self._seals.advance(stream, seal, replace(seal, published=seal.checkpoint))

    def _new_events(self, stream: str, sealed: int) -> list[AuditEvent]:
        events: list[AuditEvent] = []
        while len(events) < MOST_PER_ROUND:
            read = self._streams.after(stream, sealed + len(events), BATCH)
            check_numbers(stream, sealed + len(events) + 1, read)
            events += read
            if len(read) < BATCH:
                break
        return events

    def _look_again(self, stream: str, seal: Seal) -> None:
        """Compare a sealed tile with the log, each in its turn by the time; before more is sealed also the newest."""
        last = self._streams.last(stream)
        if last < seal.size:
            raise SealBroken(f"{stream} ends at {last}, but is sealed to {seal.size}", seq=str(last + 1))
        if not seal.size:
            return
        newest = (seal.size - 1) // WIDTH
        turn = int(self._clock.now().timestamp() // SEAL_EVERY.total_seconds())
        try:
            for number in {turn % (newest + 1)} | ({newest} if last > seal.size else set()):
                self._compare(stream, seal, number)
        except SealBroken:
            # Events that another worker has removed for their age since the seal was read are missed by nobody.
            if self._seals.read(stream).aged == seal.aged:
                raise

    def _compare(self, stream: str, seal: Seal, number: int) -> None:
        first, end = max(number * WIDTH, seal.aged), min((number + 1) * WIDTH, seal.size)
        if first >= end:
            return
        (hashes,) = self._seals.tiles(stream, [(0, number)])
        events = self._streams.after(stream, first, end - first)
        check_numbers(stream, first + 1, events)
        if len(events) < end - first:
            raise SealBroken(f"{stream} lacks sealed events from {first + len(events) + 1}", seq=str(first + 1))
        for event, sealed in zip(events, hashes[first - number * WIDTH : end - number * WIDTH], strict=False):
            if leaf_hash(event.text) != sealed:
                raise SealBroken(f"event {event.seq} of {stream} has changed since it was sealed", seq=str(event.seq))

    def _report(self, stream: str, error: SealBroken) -> None:
        draft = EventDraft(
            kind=EventKind.SEAL_BROKEN,
            at=self._clock.now(),
            details={"sealed": stream, "problem": error.detail},
        )
        once = f"sealBroken-{stream}:{error.extra['seq']}"
        self._mirror.append(self._audit_log.append(draft, once=once))


def checkpoint_line(stream: str, note: str) -> AuditEvent:
    """Return a checkpoint as a line of the mirror: JSON with ``checkpoint`` and ``size``, and without ``seq``."""
    size = int(note.split("\n", 2)[1])
    document = {"stream": stream, "size": size, "checkpoint": note}
    return AuditEvent(stream, size, json.dumps(document, separators=(",", ":"), ensure_ascii=False))


def check_numbers(stream: str, first: int, events: Sequence[AuditEvent]) -> None:
    """Raise SealBroken unless the events are numbered from ``first`` on, inside their texts too."""
    for expected, event in enumerate(events, first):
        if event.seq != expected:
            raise SealBroken(f"{stream} has {event.seq} where {expected} should be", seq=str(expected))
        try:
            members = json.loads(event.text)
            is_itself = (members["stream"], members["seq"]) == (stream, expected)
        except (KeyError, TypeError, ValueError):
            is_itself = False
        if not is_itself:
            raise SealBroken(f"event {expected} of {stream} says that it is another", seq=str(expected))
