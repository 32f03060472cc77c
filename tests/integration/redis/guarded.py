"""A process as bootstrap wires it, with as little as losing and repairing needs: log, mirror and the guard between."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sas_service.adapters.audit_mirror import NdjsonMirror
from sas_service.adapters.mirror_files import SegmentFiles
from sas_service.adapters.mirror_reading import SegmentReading
from sas_service.adapters.redis.connection import Limits, connect
from sas_service.adapters.redis.event_streams import RedisEventStreams
from sas_service.adapters.redis.loss_guard import LossGuard
from sas_service.adapters.redis.server import Durability, Server
from sas_service.adapters.redis.slots import RedisSlots
from sas_service.adapters.watched_mirror import WatchedMirror
from sas_service.domain.audit import AuditEvent, EventKind
from sas_service.domain.tokens import TokenRecord
from sas_service.ports import Reserved
from sas_service.services.losses import LossDetection
from tests.contract.ports.world import World, event, redis_world, signed
from tests.valkey_process import RunningValkey

LIMITS = Limits(connect=timedelta(seconds=2), read=timedelta(seconds=8))
DURABILITY = Durability(timeout=timedelta(seconds=4))


@dataclass
class Process:
    """One process of the service."""

    valkey: RunningValkey
    world: World
    server: Server
    mirror: WatchedMirror
    reading: SegmentReading
    guard: LossGuard

    def issue(self, record: TokenRecord) -> TokenRecord:
        """Issue as the service does: in the log durably, then in the mirror."""
        outcome = self.world.reserve(record)
        assert isinstance(outcome, Reserved)
        live = signed(record)
        committed = self.world.audit_log.commit(live, event(live, EventKind.ISSUED, **_delivery(live)))
        self.mirror.append([*outcome.events, *committed])
        return live


def _delivery(live: TokenRecord) -> dict[str, object]:
    said = {"azureRequestId": live.azure_request_id, "attempts": live.attempts, "replaces": live.replaces}
    return {"fingerprint": live.fingerprint, **{name: value for name, value in said.items() if value is not None}}


def start_process(
    valkey: RunningValkey, directory: Path, *, empty: bool = False, durability: Durability = DURABILITY
) -> Process:
    """Start one on a server and a mirror's directory; ``empty`` begins with an empty server."""
    if empty:
        redis_world(valkey, Server(connect(valkey.url, limits=LIMITS)))
    reading = SegmentReading(SegmentFiles(directory))
    aside = Server(connect(valkey.url, limits=LIMITS))
    guard = LossGuard(LossDetection(reading=reading, streams=RedisEventStreams(aside), slots=RedisSlots(aside)))
    server = Server(connect(valkey.url, limits=LIMITS, admit=guard.admit), durability=durability)
    server.layout = 2
    guard.guard(server)
    mirror = WatchedMirror(NdjsonMirror(directory), server.floors.raise_to)
    return Process(valkey, redis_world(valkey, server, empty=False), server, mirror, reading, guard)


def mirrored(process: Process, stream: str) -> list[AuditEvent]:
    """Return what the mirror has of a stream."""
    return list(process.reading.events(stream, 0))
