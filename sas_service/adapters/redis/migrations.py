"""Runs migrations: forward only, in order, under a lock with a lease, each recorded when it is done."""

import importlib.util
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

from redis import Redis, RedisCluster

from sas_service.adapters.redis.cluster import Cluster
from sas_service.adapters.redis.failures import translated, unavailable
from sas_service.adapters.redis.keys import MIGRATION_LOCK, MIGRATIONS, SCHEMA
from sas_service.adapters.redis.schema import KNOWN, SECOND_LAYOUT, Known, Schema, check_schema, read_schema
from sas_service.adapters.redis.server import Script, Server
from sas_service.domain.errors import AuditLogUnavailable, SchemaOutOfRange
from sas_service.domain.iso8601 import format_instant

_NAME = re.compile(r"(?P<number>\d{4})_[a-z0-9_]+", re.ASCII)
_RECORD = Script("record_migration")
_RENEW = Script("renew_lock")
_RELEASE = Script("release_lock")
_POLL = 0.05


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file."""

    number: int
    name: str
    min_reader: int
    upgrade: Callable[[Redis | RedisCluster], None]
    is_contract: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """What ``migrate --status`` shows: each migration and when it was applied, and names only a newer release has."""

    current: int
    min_reader: int
    migrations: tuple[tuple[str, str | None], ...]
    unknown: tuple[str, ...]


def load_migrations(directory: Path) -> tuple[Migration, ...]:
    """Load the numbered files of a directory by path, in order; raises ValueError for none or two of one number."""
    found = sorted(path for path in directory.glob("*.py") if _NAME.fullmatch(path.stem))
    migrations = tuple(_load(path) for path in found)
    if not migrations:
        raise ValueError("there are no migrations in this directory")
    if len({migration.number for migration in migrations}) < len(migrations):
        raise ValueError("two migrations have the same number")
    return migrations


class Migrations:
    """Brings a server's data up to the schema of ``directory``."""

    def __init__(
        self,
        redis: Redis | Cluster,
        directory: Path,
        *,
        server: Server | None = None,
        known: Known = KNOWN,
        lease: timedelta = timedelta(seconds=15),
        patience: timedelta = timedelta(minutes=2),
    ) -> None:
        self._redis = redis
        # Never closed by ``guard``: it is what looks whether the other may be opened again.
        self._own = Server(redis, durability=server.durability if server else None)
        self._guarded = server
        self._known = known
        self._seen: Schema | None = None
        self._migrations = load_migrations(directory)
        self._lease = int(lease.total_seconds() * 1000)
        self._patience = patience.total_seconds()

    def status(self) -> Status:
        """Return what is applied and what is not. Raises AuditLogUnavailable."""
        applied, schema = self._applied(), read_schema(self._own)
        names = [migration.name for migration in self._migrations]
        return Status(
            schema.current,
            schema.min_reader,
            tuple((name, applied.get(name)) for name in names),
            tuple(sorted(set(applied) - set(names))),
        )

    def check(self) -> Mapping[str, object]:
        """Return the stored schema, for /readyz. Raises SchemaOutOfRange, AuditLogUnavailable.

        A cluster may be without the part that says it: then what this process saw last holds, and accounts that lie
        elsewhere are served.
        """
        try:
            schema, asked = check_schema(self._own, self._known), {}
        except AuditLogUnavailable:
            if self._seen is None or not self._own.is_cluster:
                raise
            schema, asked = self._seen, {"asked": False}
        self._seen = schema
        return {"current": schema.current, "minReader": schema.min_reader, **asked}

    def guard(self) -> None:
        """Let the guarded server serve only while its schema is in our range; called again and again by each process.

        Raises what ``check`` raises.
        """
        try:
            schema = check_schema(self._own, self._known)
        except SchemaOutOfRange:
            if self._guarded:
                self._guarded.refuse("has data of a schema that this release does not know")
            raise
        self._seen = schema
        if self._guarded:
            self._guarded.layout = 2 if schema.current >= SECOND_LAYOUT else 1
            self._guarded.refuse(None)

    def upgrade(self, *, contract: bool = False) -> tuple[str, ...]:
        """Apply what is missing; returns the names applied now. Raises AuditLogUnavailable.

        It stops before the first migration that shuts out an older release, unless ``contract`` says that none is left,
        or the server is new and there never was any.
        """
        done = []
        with self._locked() as holder:
            # Read under the lock: another runner may have done all of it while we waited.
            applied = self._applied()
            for migration in self._migrations:
                if migration.is_contract and applied and not contract and migration.name not in applied:
                    break
                if migration.name not in applied:
                    self._apply(migration, holder)
                    done.append(migration.name)
        return tuple(done)

    def _applied(self) -> dict[str, str]:
        (applied,) = self._own.read(("HGETALL", MIGRATIONS))
        return {name: format_instant(datetime.fromtimestamp(int(at), UTC)) for name, at in applied.items()}

    def _apply(self, migration: Migration, holder: str) -> None:
        with translated():
            if isinstance(self._redis, Cluster):
                with self._redis.whole() as whole:
                    migration.upgrade(whole)
            else:
                migration.upgrade(self._redis)
        recorded = self._own.run_durably(
            _RECORD,
            (MIGRATION_LOCK, MIGRATIONS, SCHEMA),
            (holder, migration.name, migration.number, migration.min_reader),
        )
        if not recorded:
            raise unavailable("gave the migration lock to another runner; run the migrations again")

    @contextmanager
    def _locked(self) -> Iterator[str]:
        holder = secrets.token_hex(16)
        self._wait_for_lock(holder)
        finished = Event()
        keeper = Thread(target=self._keep_lease, args=(holder, finished), name="migration-lease", daemon=True)
        keeper.start()
        try:
            yield holder
        finally:
            finished.set()
            keeper.join()
            self._own.run(_RELEASE, (MIGRATION_LOCK,), (holder,))

    def _wait_for_lock(self, holder: str) -> None:
        until = time.monotonic() + self._patience
        while self._own.read(("SET", MIGRATION_LOCK, holder, "NX", "PX", self._lease)) != [True]:
            if time.monotonic() > until:
                raise unavailable("is being migrated by another runner")
            time.sleep(_POLL)

    def _keep_lease(self, holder: str, finished: Event) -> None:
        while not finished.wait(self._lease / 3000):
            # Lost or unreachable: the script that records the migration will notice.
            with suppress(AuditLogUnavailable):
                self._own.run(_RENEW, (MIGRATION_LOCK,), (holder, self._lease))


def _load(path: Path) -> Migration:
    spec = importlib.util.spec_from_file_location(f"sas_service_migration_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path.name} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return Migration(
        int(path.stem[:4]), path.stem, int(module.MIN_READER), module.upgrade, getattr(module, "CONTRACT", False)
    )
