"""Migrations: once each, however often and from however many sides; a process serves only what it knows."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from sas_service.adapters.redis.migrations import Migrations, load_migrations
from sas_service.adapters.redis.schema import KNOWN, Known, Schema, check_schema, read_schema
from sas_service.adapters.redis.server import Server
from sas_service.adapters.redis.slots import RedisSlots
from sas_service.domain.errors import AuditLogUnavailable, SchemaOutOfRange
from tests.integration.redis.conftest import Connect, Start
from tests.valkey_process import RunningValkey

OWN = Path(__file__).parents[3] / "migrations"
FIRST = "0001_first_schema"

COUNTING = """
MIN_READER = {min_reader}
def upgrade(redis):
    {before}
    redis.incr("upgraded:{number}")
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "migrations"
    path.mkdir()
    for number, min_reader in ((1, 1), (2, 1), (3, 2)):
        write(path, number, min_reader)
    (path / "readme.py").write_text("raise AssertionError('not a migration')")
    return path


def write(path: Path, number: int, min_reader: int, before: str = "pass") -> None:
    text = COUNTING.format(number=number, min_reader=min_reader, before=before)
    (path / f"{number:04d}_step_{number}.py").write_text(text)


def dump(valkey: RunningValkey) -> dict[str, bytes | None]:
    with valkey.client() as client:
        return {key: client.execute_command("DEBUG", "DIGEST-VALUE", key) for key in sorted(client.keys("*"))}


def test_our_own_migrations_apply_and_change_nothing_when_applied_again(start: Start, connected: Connect) -> None:
    valkey = start(enable_debug_command="yes")
    migrations = Migrations(connected(valkey), OWN)
    assert migrations.status().migrations[0] == (FIRST, None)
    assert FIRST in migrations.upgrade()
    before = dump(valkey)
    assert migrations.upgrade() == ()
    assert dump(valkey) == before
    status = migrations.status()
    assert (status.current, status.min_reader, status.unknown) == (KNOWN.newest, 2, ())
    assert all(applied and applied.endswith("Z") for _, applied in status.migrations)


def test_upgrade_is_idempotent_by_itself(start: Start, connected: Connect) -> None:
    redis = connected(start())
    for migration in load_migrations(OWN) * 2:
        migration.upgrade(redis)


def test_they_run_in_order_and_the_schema_grows(start: Start, connected: Connect, directory: Path) -> None:
    redis = connected(start())
    migrations = Migrations(redis, directory)
    assert migrations.upgrade() == ("0001_step_1", "0002_step_2", "0003_step_3")
    assert read_schema(Server(redis)) == Schema(current=3, min_reader=2)
    write(directory, 4, 1)
    assert Migrations(redis, directory).upgrade() == ("0004_step_4",)
    assert read_schema(Server(redis)) == Schema(current=4, min_reader=2)


def test_many_runners_at_once_apply_each_once(start: Start, connected: Connect, directory: Path) -> None:
    write(directory, 2, 1, before="import time; time.sleep(0.2)")
    redis = connected(start())
    with ThreadPoolExecutor(5) as threads:
        done = list(threads.map(lambda _: Migrations(redis, directory).upgrade(), range(5)))
    assert sorted(name for names in done for name in names) == ["0001_step_1", "0002_step_2", "0003_step_3"]
    assert [redis.get(f"upgraded:{number}") for number in (1, 2, 3)] == ["1", "1", "1"]


def test_a_failed_migration_is_tried_again(start: Start, connected: Connect, directory: Path) -> None:
    write(directory, 2, 1, before="raise RuntimeError('half way')")
    redis = connected(start())
    with pytest.raises(RuntimeError):
        Migrations(redis, directory).upgrade()
    assert read_schema(Server(redis)).current == 1
    write(directory, 2, 1)
    assert Migrations(redis, directory).upgrade() == ("0002_step_2", "0003_step_3")


def test_a_long_migration_keeps_its_lease(start: Start, connected: Connect, directory: Path) -> None:
    write(directory, 1, 1, before="import time; time.sleep(2.5)")
    redis = connected(start())
    lease = timedelta(seconds=1)
    with ThreadPoolExecutor(2) as threads:
        done = list(threads.map(lambda _: Migrations(redis, directory, lease=lease).upgrade(), range(2)))
    assert sorted(map(len, done)) == [0, 3]
    assert redis.get("upgraded:1") == "1"


def test_a_runner_that_died_is_succeeded_after_its_lease(start: Start, connected: Connect, directory: Path) -> None:
    redis = connected(start())
    redis.set("{service}:schema:lock", "somebody who died", px=400)
    started = time.monotonic()
    assert len(Migrations(redis, directory).upgrade()) == 3
    assert time.monotonic() - started > 0.2


def test_a_runner_that_lost_its_lease_records_nothing(start: Start, connected: Connect, directory: Path) -> None:
    redis = connected(start())
    write(
        directory, 1, 1, before="redis.set('{{service}}:schema:lock', 'another')".replace("{{", "{").replace("}}", "}")
    )
    with pytest.raises(AuditLogUnavailable, match="another runner"):
        Migrations(redis, directory).upgrade()
    assert Migrations(redis, directory).status().migrations[0] == ("0001_step_1", None)
    assert redis.get("{service}:schema:lock") == "another"


def test_waiting_for_the_lock_ends(start: Start, connected: Connect, directory: Path) -> None:
    redis = connected(start())
    redis.set("{service}:schema:lock", "another")
    with pytest.raises(AuditLogUnavailable, match="being migrated"):
        Migrations(redis, directory, patience=timedelta(milliseconds=200)).upgrade()


def test_status_names_what_a_newer_release_applied(start: Start, connected: Connect, directory: Path) -> None:
    redis = connected(start())
    Migrations(redis, directory).upgrade()
    (directory / "0003_step_3.py").unlink()
    status = Migrations(redis, directory).status()
    assert status.unknown == ("0003_step_3",)
    assert (status.current, status.min_reader) == (3, 2)


@pytest.mark.parametrize("files", [{}, {"0001_a": "", "0001_b": ""}])
def test_a_directory_that_makes_no_sense_is_refused(tmp_path: Path, files: dict[str, str]) -> None:
    for name in files:
        (tmp_path / f"{name}.py").write_text("MIN_READER = 1\ndef upgrade(redis): ...\n")
    with pytest.raises(ValueError, match="migrations"):
        load_migrations(tmp_path)


@pytest.mark.parametrize(
    ("known", "is_served"),
    [
        (Known(oldest=1, newest=1), False),
        (Known(oldest=1, newest=2), True),
        (Known(oldest=3, newest=3), True),
        (Known(oldest=2, newest=5), True),
        (Known(oldest=4, newest=5), False),
    ],
)
def test_a_process_serves_only_inside_its_range(
    start: Start, connected: Connect, directory: Path, known: Known, is_served: bool
) -> None:
    redis = connected(start())
    Migrations(redis, directory).upgrade()
    if is_served:
        assert check_schema(Server(redis), known) == Schema(current=3, min_reader=2)
    else:
        with pytest.raises(SchemaOutOfRange):
            check_schema(Server(redis), known)


def test_before_the_first_migration_nothing_is_served(start: Start, connected: Connect) -> None:
    with pytest.raises(SchemaOutOfRange, match="sas-service migrate"):
        Migrations(connected(start()), OWN).check()


def test_the_guard_closes_a_server_whose_schema_moved_on_and_opens_it_again(
    start: Start, connected: Connect, directory: Path
) -> None:
    redis = connected(start())
    server = Server(redis)
    (directory / "0003_step_3.py").unlink()
    guard = Migrations(redis, directory, server=server, known=Known(1, 1))
    guard.upgrade()
    guard.guard()
    run_something(server)
    redis.hset("{service}:schema", "minReader", "2")
    with pytest.raises(SchemaOutOfRange):
        guard.guard()
    with pytest.raises(AuditLogUnavailable, match="schema"):
        run_something(server)
    redis.hset("{service}:schema", "minReader", "1")
    guard.guard()
    run_something(server)


def run_something(server: Server) -> None:
    RedisSlots(server).initialise("maps-demo", {})


def test_a_server_that_was_accepted_without_persistence_can_be_migrated(start: Start, connected: Connect) -> None:
    redis = connected(start(appendonly="no"))
    server = Server(redis, accept_no_persistence=True)
    assert FIRST in Migrations(redis, OWN, server=server).upgrade()


def test_no_thread_is_left(start: Start, connected: Connect) -> None:
    Migrations(connected(start()), OWN).upgrade()
    assert "migration-lease" not in {thread.name for thread in threading.enumerate()}
