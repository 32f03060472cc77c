"""A commit returns when it is on disk, and not otherwise: synced, replicated, or refused in time."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from redis.exceptions import RedisError

from sas_service.adapters.redis.server import Durability, Script, Server
from sas_service.domain.audit import EventKind
from sas_service.domain.errors import AuditLogUnavailable
from sas_service.domain.tokens import TokenState
from sas_service.ports import EventQuery, TokenQuery
from tests.contract.ports.world import ACCOUNT, event, record, signed
from tests.integration.redis.conftest import DEADLINE, PATIENT, Build, Connect, Start
from tests.valkey_process import RunningValkey


@contextmanager
def refused_in_time() -> Iterator[None]:
    started = time.monotonic()
    with pytest.raises(AuditLogUnavailable) as refusal:
        yield
    assert time.monotonic() - started < DEADLINE
    assert refusal.value.retry_after is not None
    assert "127.0.0.1" not in refusal.value.detail
    assert refusal.value.__cause__ is None
    assert refusal.value.__context__ is None or refusal.value.__suppress_context__


def test_each_commit_asks_whether_its_own_write_is_synced(start: Start, build: Build) -> None:
    valkey = start(appendfsync="everysec")
    world = build(valkey, Durability(timeout=timedelta(seconds=5)), limits=PATIENT)
    for _ in range(3):
        live = world.issue(record(world.now))
        assert world.audit_log.token(live.id) == live
    with valkey.client() as client:
        assert client.info("commandstats")["cmdstat_waitaof"]["calls"] >= 3


def test_a_sync_that_does_not_come_in_time_refuses_and_the_record_stays(start: Start, build: Build) -> None:
    valkey = start(appendfsync="no")
    world = build(valkey, Durability(timeout=timedelta(milliseconds=200)))
    wanted = record(world.now)
    world.reserve(wanted)
    live = signed(wanted)
    with refused_in_time():
        world.audit_log.commit(live, event(live, EventKind.ISSUED))
    assert world.audit_log.token(live.id) == live
    assert len(world.audit_log.settle(live, TokenState.ABANDONED, event(live, EventKind.ABANDONED))) == 1


def test_a_server_that_stands_still_is_refused_and_taken_back(start: Start, build: Build) -> None:
    valkey = start()
    world = build(valkey)
    wanted = record(world.now)
    world.reserve(wanted)
    live, issued = signed(wanted), event(wanted, EventKind.ISSUED)
    valkey.pause()
    try:
        with refused_in_time():
            world.reserve(record(world.now))
        with refused_in_time():
            world.audit_log.commit(live, issued)
        with refused_in_time():
            world.audit_log.tokens(TokenQuery([ACCOUNT]), cursor=None, limit=5)
    finally:
        valkey.resume()
    assert len(world.audit_log.commit(live, issued)) == 1
    numbers = [each.seq for each in world.audit_log.events(EventQuery([ACCOUNT]), cursor=None, limit=50).items]
    assert numbers == list(range(len(numbers), 0, -1))


def test_paused_clients_are_refused(start: Start, build: Build) -> None:
    valkey = start()
    world = build(valkey)
    wanted = record(world.now)
    world.reserve(wanted)
    with valkey.client() as client:
        client.client_pause(10_000, all=False)
        with refused_in_time():
            world.audit_log.commit(signed(wanted), event(wanted, EventKind.ISSUED))
        client.client_unpause()


def test_a_full_server_writes_nothing_and_recovers(start: Start, build: Build) -> None:
    valkey = start(maxmemory_policy="noeviction")
    world = build(valkey)
    reserved = record(world.now)
    world.reserve(reserved)
    live, issued = signed(reserved), event(reserved, EventKind.ISSUED)
    with valkey.client() as client:
        client.config_set("maxmemory", "1")
        wanted = record(world.now)
        with refused_in_time():
            world.reserve(wanted)
        with refused_in_time():
            world.audit_log.commit(live, issued)
        assert world.audit_log.token(wanted.id) is None
        assert world.audit_log.token(reserved.id) == reserved
        client.config_set("maxmemory", "0")
    assert [each.seq for each in world.audit_log.commit(live, issued)] == [2]


def test_killed_and_restarted_everything_acknowledged_is_there(start: Start, build: Build) -> None:
    valkey = start()
    world = build(valkey)
    acknowledged: list[str] = []
    stopped = threading.Event()

    def work() -> None:
        while not stopped.is_set():
            try:
                acknowledged.append(world.issue(record(world.now)).id)
            except AuditLogUnavailable:
                stopped.wait(0.02)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    running = valkey
    for _ in range(3):
        time.sleep(0.3)
        running.kill()
        running = start(port=valkey.port)
    time.sleep(0.3)
    stopped.set()
    for thread in threads:
        thread.join()
    assert len(acknowledged) > 100
    assert all(world.audit_log.token(each) for each in acknowledged)
    with running.client() as client:
        numbers = [entry.partition("-")[0] for entry, _ in client.xrange("{" + ACCOUNT + "}:events")]
    assert numbers == [str(number) for number in range(1, len(numbers) + 1)]


def test_a_server_that_is_away_is_refused(start: Start, build: Build) -> None:
    valkey = start()
    world = build(valkey)
    valkey.stop()
    with refused_in_time():
        world.reserve(record(world.now))
    with refused_in_time():
        world.suspensions.list()
    with refused_in_time():
        world.slots.read(ACCOUNT)


def test_after_a_restart_no_stale_connection_costs_a_request(start: Start, build: Build) -> None:
    valkey = start()
    world = build(valkey)
    world.issue(record(world.now))
    valkey.kill()
    start(port=valkey.port)
    world.issue(record(world.now))


def test_scripts_are_loaded_again_when_the_server_forgot_them(start: Start, build: Build) -> None:
    valkey = start()
    world = build(valkey)
    for number in range(2):
        live = world.issue(record(world.now + timedelta(milliseconds=number)))
        with valkey.client() as client:
            client.script_flush()
        assert world.audit_log.tokens(TokenQuery([ACCOUNT]), cursor=None, limit=1).items == (live,)
        with valkey.client() as client:
            client.script_flush()


def test_without_waitaof_appendfsync_always_is_demanded(start: Start, build: Build, connected: Connect) -> None:
    valkey = start(rename_command="WAITAOF gone", appendfsync="no")
    world = build(valkey)
    wanted = record(world.now)
    world.reserve(wanted)
    with refused_in_time():
        world.audit_log.commit(signed(wanted), event(wanted, EventKind.ISSUED))
    server = Server(connected(valkey))
    with pytest.raises(AuditLogUnavailable, match="WAITAOF or appendfsync always"):
        server.check()
    with valkey.client() as client:
        client.config_set("appendfsync", "always")
    assert server.check()["durability"] == "appendfsync always"
    world.audit_log.commit(signed(wanted), event(wanted, EventKind.ISSUED))


@pytest.mark.parametrize("has_waitaof", [True, False])
def test_a_replica_that_stands_still_refuses_the_commit(start: Start, build: Build, has_waitaof: bool) -> None:
    config = {} if has_waitaof else {"rename_command": "WAITAOF gone"}
    primary = start("primary", repl_diskless_sync_delay=0, **config)
    replica = start("replica", replicaof=f"127.0.0.1 {primary.port}")
    _until_attached(primary)
    world = build(primary, Durability(replicas=1, timeout=timedelta(seconds=2)), limits=PATIENT)
    live = world.issue(record(world.now))
    with replica.client() as client:
        assert client.exists("{" + ACCOUNT + "}:token:" + live.id.rpartition(".")[2])
    wanted = record(world.now)
    world.reserve(wanted)
    replica.pause()
    try:
        with refused_in_time():
            world.audit_log.commit(signed(wanted), event(wanted, EventKind.ISSUED))
    finally:
        replica.resume()


def _until_attached(primary: RunningValkey) -> None:
    deadline = time.monotonic() + 15
    with primary.client() as client:
        while time.monotonic() < deadline:
            try:
                if client.info("replication").get("slave0", {}).get("state") == "online" and client.wait(1, 200) == 1:
                    return
            except RedisError:
                pass
            time.sleep(0.05)
    pytest.fail("the replica never attached")


def test_a_readiness_check_in_between_does_not_make_a_commit_skip_its_sync(connected: Connect, start: Start) -> None:
    valkey = start(appendfsync="no")

    class Interrupted(timedelta):
        """A timeout whose reading lets another thread's ``check`` run, where a switch of threads may put it."""

        server: Server | None = None

        def total_seconds(self) -> float:
            if server := self.server:
                self.server = None
                server.check()
                server._has_waitaof = {}
            return super().total_seconds()

    timeout = Interrupted(seconds=2)
    server = Server(connected(valkey, PATIENT), durability=Durability(timeout=timeout))
    server.check()
    timeout.server = server
    assert server._confirmation("any") == ("WAITAOF", 1, 0, 2000)


def test_a_server_that_begins_to_evict_is_written_to_no_more_until_it_stops(connected: Connect, start: Start) -> None:
    valkey = start()
    server = Server(connected(valkey, PATIENT))
    script = Script("release_lock")
    with valkey.client() as client:
        client.config_set("maxmemory", "500mb")
        client.config_set("maxmemory-policy", "allkeys-lru")
        with pytest.raises(AuditLogUnavailable, match="evicts"):
            server.check()
        with pytest.raises(AuditLogUnavailable, match="may be lost"):
            server.run(script, ("{x}:lock",), ("me",))
        client.config_set("maxmemory-policy", "noeviction")
    server.check()
    assert server.run(script, ("{x}:lock",), ("me",)) == 0
