"""What remembers: Redis and the mirror."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import sas_service
from sas_service.adapters.audit_mirror import NdjsonMirror
from sas_service.adapters.azure.append_blob_mirror import STORAGE_SCOPE, AppendBlobMirror, blob_container
from sas_service.adapters.azure.mirror_blobs import SegmentBlobs
from sas_service.adapters.mirror_files import SegmentFiles
from sas_service.adapters.mirror_reading import SegmentReading, Segments
from sas_service.adapters.redis.acknowledgements import RedisAcknowledgements
from sas_service.adapters.redis.audit_log import RedisAuditLog
from sas_service.adapters.redis.census import RedisTokenCensus
from sas_service.adapters.redis.connection import Client, Limits, connect, connect_cluster
from sas_service.adapters.redis.event_streams import RedisEventStreams
from sas_service.adapters.redis.journal import RedisJournal
from sas_service.adapters.redis.leases import RedisLeases
from sas_service.adapters.redis.lockdowns import RedisLockdowns
from sas_service.adapters.redis.loss_guard import LossGuard
from sas_service.adapters.redis.migrations import Migrations
from sas_service.adapters.redis.notes import RedisNotes
from sas_service.adapters.redis.roster import RedisRoster
from sas_service.adapters.redis.server import Durability, Server
from sas_service.adapters.redis.shared_tokens import RedisSharedTokens
from sas_service.adapters.redis.slots import RedisSlots
from sas_service.adapters.redis.suspensions import RedisSuspensions
from sas_service.adapters.watched_mirror import ClosableMirror, WatchedMirror
from sas_service.bootstrap.azure import build_credential_of, build_outbound
from sas_service.services.losses import LossDetection
from sas_service.settings import Settings, SettingsError

__all__ = ["SettingsError", "Stores", "build_stores", "migrations_from"]


@dataclass(frozen=True, slots=True)
class Stores:
    """What remembers: Redis and the mirror."""

    server: Server
    migrations: Migrations
    audit_log: RedisAuditLog
    slots: RedisSlots
    suspensions: RedisSuspensions
    lockdowns: RedisLockdowns
    journal: RedisJournal
    leases: RedisLeases
    census: RedisTokenCensus
    acknowledgements: RedisAcknowledgements
    shared_tokens: RedisSharedTokens
    notes: RedisNotes
    roster: RedisRoster
    mirror: WatchedMirror
    reading: SegmentReading
    loss_guard: LossGuard


def build_stores(settings: Settings, environ: Mapping[str, str], *, guarded: bool = True) -> Stores:
    """Build the stores; nothing is connected yet.

    ``guarded``: a Redis that lost what the mirror has is not used. Without it is for those who repair that.
    """
    mirror, segments = build_mirror(settings, environ)
    reading = SegmentReading(segments)
    aside = _build_server(settings, connections=2)
    streams, slots = RedisEventStreams(aside[1]), RedisSlots(aside[1])
    guard = LossGuard(LossDetection(reading=reading, streams=streams, slots=slots, apart=settings.redis_cluster))
    redis, server = _build_server(settings, connections=settings.redis_pool, admit=guard.admit if guarded else None)
    if guarded:
        guard.guard(server)
    return Stores(
        server=server,
        migrations=Migrations(redis, settings.migrations_directory or _own_migrations(), server=server),
        audit_log=RedisAuditLog(server),
        slots=RedisSlots(server),
        suspensions=RedisSuspensions(server),
        lockdowns=RedisLockdowns(server),
        journal=RedisJournal(server),
        leases=RedisLeases(server),
        census=RedisTokenCensus(server),
        acknowledgements=RedisAcknowledgements(server),
        shared_tokens=RedisSharedTokens(server),
        notes=RedisNotes(server),
        roster=RedisRoster(server),
        mirror=WatchedMirror(mirror, server.floors.raise_to),
        reading=reading,
        loss_guard=guard,
    )


def _build_server(
    settings: Settings, *, connections: int, admit: Callable[[str], None] | None = None
) -> tuple[Client, Server]:
    limits = Limits(connect=settings.redis_timeout, read=settings.redis_timeout * 1.5, connections=connections)
    url, also = settings.redis_url.reveal(), settings.redis_cluster_nodes or ()
    redis: Client
    if settings.redis_cluster:
        redis = connect_cluster(url, also=also, limits=limits, admit=admit)
    else:
        redis = connect(url, limits=limits, admit=admit)
    server = Server(
        redis,
        durability=Durability(
            local=not settings.redis_allow_volatile, replicas=settings.redis_replicas, timeout=settings.redis_timeout
        ),
        accept_eviction=settings.redis_allow_volatile,
        accept_no_persistence=settings.redis_allow_volatile,
    )
    return redis, server


def build_mirror(settings: Settings, environ: Mapping[str, str]) -> tuple[ClosableMirror, Segments]:
    """Build the second place of every event, to write and to read: files here, or a container for all replicas."""
    if settings.mirror_directory:
        files = NdjsonMirror(settings.mirror_directory, segment_bytes=settings.mirror_segment_bytes)
        return files, SegmentFiles(settings.mirror_directory)
    outbound = build_outbound(settings)
    credential = build_credential_of(settings, "issuer", outbound, environ, scope=STORAGE_SCOPE)
    container = blob_container(settings.mirror_container or "", credential, outbound)
    blobs = AppendBlobMirror(container, deadline=settings.redis_timeout * 2)
    return blobs, SegmentBlobs(blob_container(settings.mirror_container or "", credential, outbound))


def _own_migrations() -> Path:
    """Return this release's migrations: inside an installed wheel, or beside the package in a checkout or image."""
    package = Path(sas_service.__file__).parent
    installed = package / "_migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


def migrations_from(environ: Mapping[str, str]) -> Migrations:
    """Return this release's migrations for the Redis of ``environ``. Raises SettingsError."""
    return build_stores(Settings.from_env(environ), environ, guarded=False).migrations
