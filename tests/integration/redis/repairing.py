"""A repair as the command wires it, and all that a server holds, to compare before and after."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from redis import Redis

from sas_service.adapters.audit_mirror import NdjsonMirror
from sas_service.adapters.mirror_files import SegmentFiles
from sas_service.adapters.mirror_reading import SegmentReading
from sas_service.adapters.redis.acknowledgements import RedisAcknowledgements
from sas_service.adapters.redis.audit_log import RedisAuditLog
from sas_service.adapters.redis.connection import connect
from sas_service.adapters.redis.event_streams import RedisEventStreams
from sas_service.adapters.redis.journal import RedisJournal
from sas_service.adapters.redis.lockdowns import RedisLockdowns
from sas_service.adapters.redis.repair import RedisRepair
from sas_service.adapters.redis.server import Server
from sas_service.adapters.redis.slots import RedisSlots
from sas_service.adapters.redis.suspensions import RedisSuspensions
from sas_service.adapters.system_clock import SystemClock
from sas_service.adapters.watched_mirror import ClosableMirror, WatchedMirror
from sas_service.services.losses import LossDetection
from sas_service.services.repair import AuditRepair
from sas_service.services.restore import Memory
from tests.contract.ports.world import ACCOUNT, OTHER_ACCOUNT
from tests.integration.redis.guarded import DURABILITY, LIMITS
from tests.valkey_process import RunningValkey


def repair_of(
    valkey: RunningValkey,
    directory: Path,
    *,
    mirror: ClosableMirror | None = None,
    accounts: Sequence[str] = (ACCOUNT, OTHER_ACCOUNT),
    lease: timedelta = timedelta(milliseconds=200),
) -> AuditRepair:
    server = Server(connect(valkey.url, limits=LIMITS), durability=DURABILITY)
    return repair_on(server, directory, mirror=mirror, accounts=accounts, lease=lease)


def repair_on(
    server: Server,
    directory: Path,
    *,
    mirror: ClosableMirror | None = None,
    accounts: Sequence[str],
    lease: timedelta = timedelta(milliseconds=1),
) -> AuditRepair:
    server.layout = 2
    reading, streams, slots = SegmentReading(SegmentFiles(directory)), RedisEventStreams(server), RedisSlots(server)
    return AuditRepair(
        detection=LossDetection(reading=reading, streams=streams, slots=slots, apart=server.is_cluster),
        reading=reading,
        streams=streams,
        repair=RedisRepair(server, lease=lease),
        audit_log=RedisAuditLog(server),
        mirror=WatchedMirror(mirror or NdjsonMirror(directory), server.floors.raise_to),
        memory=Memory(
            slots=slots,
            journal=RedisJournal(server),
            lockdowns=RedisLockdowns(server),
            suspensions=RedisSuspensions(server),
            acknowledgements=RedisAcknowledgements(server),
        ),
        accounts=accounts,
        clock=SystemClock(),
        apart=server.is_cluster,
    )


def everything(client: Redis) -> dict[str, object]:
    """Return key -> value of all that a server holds, whatever its type."""
    read: dict[str, Callable[[str], object]] = {
        "string": client.get,
        "hash": client.hgetall,
        "set": client.smembers,
        "zset": lambda key: client.zrange(key, 0, -1, withscores=True),
        "stream": client.xrange,
    }
    return {key: read[str(client.type(key))](key) for key in client.scan_iter()}
