"""An audit log on the twins with workers that seal it, and the means to change it behind their backs."""

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from sas_service.adapters.ed25519_signing import Ed25519Signing
from sas_service.adapters.memory import MemoryAuditLog, MemoryAuditMirror, MemoryClock, MemorySlots, MemorySuspensions
from sas_service.adapters.memory.seals import MemorySeals
from sas_service.domain.audit import AuditEvent, EventDraft, EventKind
from sas_service.domain.policy import Policy
from sas_service.services.prove import LogProofs
from sas_service.services.seal import StreamSealing
from tests.unit.revocation.world import POLICY

MAPS, SERVICE = "maps-demo", "service"
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
SIGNING = Ed25519Signing(bytes(range(32)), name="sas-service.example")
KEY = SIGNING.verifying_key


class OnePolicy:
    """The port ``Policies`` with one policy."""

    policy = POLICY

    def current(self) -> Policy:
        return self.policy

    def status(self) -> dict[str, object]:
        return {}


class Streams:
    """The port ``EventStreams`` over a log that somebody may have changed: ``changed`` has what they left."""

    def __init__(self, log: MemoryAuditLog) -> None:
        self._log = log
        self.changed: dict[str, list[AuditEvent]] = {}

    def last(self, stream: str) -> int:
        events = self.changed.get(stream)
        return self._log.last(stream) if events is None else max((event.seq for event in events), default=0)

    def after(self, stream: str, seq: int, limit: int) -> tuple[AuditEvent, ...]:
        if stream not in self.changed:
            return self._log.after(stream, seq, limit)
        return tuple(event for event in self.changed[stream] if event.seq > seq)[:limit]


@dataclass
class World:
    clock: MemoryClock = field(default_factory=lambda: MemoryClock(NOW))
    mirror: MemoryAuditMirror = field(default_factory=MemoryAuditMirror)
    seals: MemorySeals = field(default_factory=MemorySeals)
    log: MemoryAuditLog = field(init=False)
    streams: Streams = field(init=False)

    def __post_init__(self) -> None:
        self.log = MemoryAuditLog(clock=self.clock, slots=MemorySlots(), suspensions=MemorySuspensions())
        self.streams = Streams(self.log)

    def worker(self) -> StreamSealing:
        return StreamSealing(
            accounts=lambda: tuple(sorted(POLICY.accounts)),
            streams=self.streams,
            seals=self.seals,
            signing=SIGNING,
            audit_log=self.log,
            mirror=self.mirror,
            clock=self.clock,
        )

    def proofs(self) -> LogProofs:
        return LogProofs(accounts=lambda: tuple(sorted(POLICY.accounts)), seals=self.seals, verifying_key=KEY)

    def write(self, many: int, account: str | None = MAPS) -> None:
        for number in range(many):
            draft = EventDraft(EventKind.ISSUED, self.clock.now(), account=account, details={"n": number})
            self.mirror.append(self.log.append(draft))
            self.clock.advance(timedelta(milliseconds=7))

    def texts(self, stream: str = MAPS) -> list[str]:
        return [event.text for event in self.streams.after(stream, 0, 1_000_000)]

    def change(self, seq: int, text: str | None = None, *, stream: str = MAPS) -> None:
        """Put ``text`` in place of an event's, or take the event away."""
        events = self.streams.changed.get(stream) or list(self.log.after(stream, 0, 1_000_000))
        kept = [replace(event, text=text) if event.seq == seq and text else event for event in events]
        self.streams.changed[stream] = [event for event in kept if event.seq != seq or text]

    def notes(self, stream: str = MAPS) -> list[str]:
        lines = [json.loads(line) for line in self.mirror.lines()]
        return [line["checkpoint"] for line in lines if line["stream"] == stream and "checkpoint" in line]
