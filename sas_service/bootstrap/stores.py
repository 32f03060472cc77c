"""What remembers: Redis and the mirror."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import sas_service
from sas_service.adapters.audit_mirror import NdjsonMirror
from sas_service.adapters.azure.append_blob_mirror import STORAGE_SCOPE, AppendBlobMirror, blob_container
from sas_service.adapters.redis.acknowledgements import RedisAcknowledgements
from sas_service.adapters.redis.audit_log import RedisAuditLog
from sas_service.adapters.redis.census import RedisTokenCensus
from sas_service.adapters.redis.connection import Client, Limits, connect, connect_cluster
from sas_service.adapters.redis.journal import RedisJournal
from sas_service.adapters.redis.leases import RedisLeases
from sas_service.adapters.redis.lockdowns import RedisLockdowns
from sas_service.adapters.redis.migrations import Migrations
from sas_service.adapters.redis.notes import RedisNotes
from sas_service.adapters.redis.server import Durability, Server
from sas_service.adapters.redis.shared_tokens import RedisSharedTokens
from sas_service.adapters.redis.slots import RedisSlots
from sas_service.adapters.redis.suspensions import RedisSuspensions
from sas_service.bootstrap.azure import build_credential_of, build_outbound
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
    mirror: NdjsonMirror | AppendBlobMirror


def build_stores(settings: Settings, environ: Mapping[str, str]) -> Stores:
    """Build the stores; nothing is connected yet."""
    redis = _connect(settings)
    server = Server(
        redis,
        durability=Durability(
            local=not settings.redis_allow_volatile, replicas=settings.redis_replicas, timeout=settings.redis_timeout
        ),
        accept_eviction=settings.redis_allow_volatile,
        accept_no_persistence=settings.redis_allow_volatile,
    )
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
        mirror=build_mirror(settings, environ),
    )


def _connect(settings: Settings) -> Client:
    url = settings.redis_url.reveal()
    limits = Limits(connect=settings.redis_timeout, read=settings.redis_timeout * 1.5, connections=settings.redis_pool)
    if settings.redis_cluster:
        return connect_cluster(url, also=settings.redis_cluster_nodes or (), limits=limits)
    return connect(url, limits=limits)


def build_mirror(settings: Settings, environ: Mapping[str, str]) -> NdjsonMirror | AppendBlobMirror:
    """Build the second place of every event: files here, or a blob container that all replicas write to."""
    if settings.mirror_directory:
        return NdjsonMirror(settings.mirror_directory, segment_bytes=settings.mirror_segment_bytes)
    outbound = build_outbound(settings)
    credential = build_credential_of(settings, "issuer", outbound, environ, scope=STORAGE_SCOPE)
    container = blob_container(settings.mirror_container or "", credential, outbound)
    return AppendBlobMirror(container, deadline=settings.redis_timeout * 2)


def _own_migrations() -> Path:
    """Return this release's migrations: inside an installed wheel, or beside the package in a checkout or image."""
    package = Path(sas_service.__file__).parent
    installed = package / "_migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


def migrations_from(environ: Mapping[str, str]) -> Migrations:
    """Return this release's migrations for the Redis of ``environ``. Raises SettingsError."""
    return build_stores(Settings.from_env(environ), environ).migrations
