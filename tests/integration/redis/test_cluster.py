"""A cluster from below: where commands go, slots that move, a master that hangs, a cluster that answers nobody."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis.crc import key_slot

from sas_service.adapters.audit_mirror import NdjsonMirror
from sas_service.adapters.redis.audit_log import RedisAuditLog
from sas_service.adapters.redis.cluster import Cluster
from sas_service.adapters.redis.connection import Limits, connect, connect_cluster
from sas_service.adapters.redis.event_streams import RedisEventStreams
from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.server import Durability, Server
from sas_service.adapters.redis.slots import RedisSlots
from sas_service.adapters.redis.suspensions import RedisSuspensions
from sas_service.domain.audit import SERVICE_STREAM, EventDraft, EventKind
from sas_service.domain.errors import AuditLogUnavailable, Suspended
from sas_service.domain.token_events import granted_details
from sas_service.ports import Reservation, Reserved
from tests.contract.ports.world import event, record, reservation, suspension
from tests.integration.redis.repairing import repair_on
from tests.valkey_cluster import MASTERS, RunningCluster, start_cluster
from tests.valkey_process import RunningValkey

ACCOUNTS = ("maps-demo", "maps-east", "maps-other")
QUICK = Limits(connect=timedelta(milliseconds=300), read=timedelta(milliseconds=900))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCluster]:
    cluster = start_cluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.stop()


@pytest.fixture
def cluster(running: RunningCluster) -> Iterator[Cluster]:
    running.flush()
    client = connect_cluster(running.url, limits=QUICK)
    yield client
    client.close()


@pytest.fixture
def server(cluster: Cluster) -> Server:
    return Server(cluster, durability=Durability(timeout=timedelta(milliseconds=500)))


def tell(master: RunningValkey, *words: str | int) -> Any:
    with master.client() as client:
        execute: Callable[..., Any] = client.execute_command
        return execute(*words)


def away(server: Server) -> list[dict[str, str]]:
    found: Any = server.check()["away"]
    return list(found)


def initialise(server: Server, account: str) -> int:
    return RedisSlots(server).initialise(account, {"web": "web-a"}).epoch


def test_each_account_lies_on_its_own_master_and_is_synced_there(running: RunningCluster, server: Server) -> None:
    for account in ACCOUNTS:
        assert initialise(server, account) == 1
    for account in ACCOUNTS:
        with running.holder_of(account).client() as client:
            assert client.keys("*") == [Keys(account).slots]
            assert client.info("commandstats")["cmdstat_waitaof"]["calls"] >= 1
    read = server.read(*(("HGET", Keys(account).slots, "epoch") for account in ACCOUNTS))
    assert read == ["1", "1", "1"]


def test_a_confirmation_that_does_not_come_refuses_the_write(running: RunningCluster, cluster: Cluster) -> None:
    strict = Server(cluster, durability=Durability(replicas=1, timeout=timedelta(milliseconds=100)))
    with pytest.raises(AuditLogUnavailable, match="too few replicas"):
        initialise(strict, ACCOUNTS[2])
    assert tell(running.holder_of(ACCOUNTS[2]), "EXISTS", Keys(ACCOUNTS[2]).slots) == 1


def test_scripts_that_a_master_forgot_are_loaded_there(running: RunningCluster, server: Server) -> None:
    initialise(server, ACCOUNTS[1])
    tell(running.holder_of(ACCOUNTS[1]), "SCRIPT", "FLUSH")
    assert initialise(server, ACCOUNTS[1]) == 1


def test_a_slot_that_moves_is_followed_all_the_way(running: RunningCluster, server: Server) -> None:
    """Before, in the middle (some keys here, some there: ASK), and after the move (MOVED), without a failure."""
    account = ACCOUNTS[0]
    name = Keys(account).slots
    initialise(server, account)
    slot = key_slot(name.encode())
    source, target = running.masters[0], running.masters[1]
    ids = [tell(each, "CLUSTER", "MYID") for each in (source, target)]
    try:
        tell(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", ids[0])
        tell(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", ids[1])
        assert initialise(server, account) == 1
        tell(source, "MIGRATE", "127.0.0.1", target.port, name, 0, 1000)
        with source.client() as client:
            assert client.info("errorstats").get("errorstat_ASK") is None
        assert initialise(server, account) == 1
        assert RedisSlots(server).read(account).epoch == 1
        with source.client() as client:
            assert client.info("errorstats")["errorstat_ASK"]["count"] >= 1
    finally:
        for each in (target, source, running.masters[2]):
            tell(each, "CLUSTER", "SETSLOT", slot, "NODE", ids[1])
    assert initialise(server, account) == 1
    assert server.read(("HGET", name, "epoch")) == ["1"]
    tell(target, "FLUSHALL")
    for each in (source, target, running.masters[2]):
        tell(each, "CLUSTER", "SETSLOT", slot, "NODE", ids[0])
    running.wait()


def test_a_master_that_hangs_costs_one_timeout_and_not_one_for_every_request(
    running: RunningCluster, server: Server
) -> None:
    for account in ACCOUNTS:
        initialise(server, account)
    hanging = running.holder_of(ACCOUNTS[2])
    hanging.pause()
    try:
        with pytest.raises(AuditLogUnavailable):
            initialise(server, ACCOUNTS[2])
        began = time.monotonic()
        for _ in range(20):
            with pytest.raises(AuditLogUnavailable, match="did not answer in time"):
                initialise(server, ACCOUNTS[2])
            assert initialise(server, ACCOUNTS[0]) == 1
        assert time.monotonic() - began < 0.7, "nobody waits for it again"
        assert [each["slots"] for each in away(server)] == ["10923-16383"]
    finally:
        hanging.resume()
    until_served(server, ACCOUNTS[2])


def until_served(server: Server, account: str) -> None:
    deadline = time.monotonic() + 15
    while True:
        try:
            initialise(server, account)
        except AuditLogUnavailable:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            return


def test_many_threads_find_their_masters_at_once(cluster: Cluster) -> None:
    server = Server(cluster)
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda name=f"maps-{each}": found.append(initialise(server, name)))
        for each in range(12)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == [1] * 12


def test_an_unfit_master_is_not_written_to_and_the_others_are(running: RunningCluster, server: Server) -> None:
    tell(running.masters[1], "CONFIG", "SET", "maxmemory", "500mb", "maxmemory-policy", "allkeys-lru")
    try:
        (unfit,) = away(server)
        assert "evicts keys" in unfit["detail"]
        with pytest.raises(AuditLogUnavailable, match="configured so that records may be lost"):
            initialise(server, ACCOUNTS[1])
        assert initialise(server, ACCOUNTS[0]) == 1
    finally:
        tell(running.masters[1], "CONFIG", "SET", "maxmemory", 0, "maxmemory-policy", "noeviction")
    assert away(server) == []
    assert initialise(server, ACCOUNTS[1]) == 1


def test_a_client_of_one_server_refuses_a_node_of_a_cluster(running: RunningCluster) -> None:
    with connect(running.url) as redis, pytest.raises(AuditLogUnavailable, match="SAS_REDIS_CLUSTER is needed"):
        Server(redis).check()


def test_a_client_of_a_cluster_refuses_a_lone_server(start: Callable[..., RunningValkey]) -> None:
    client = connect_cluster(start().url, limits=QUICK)
    with pytest.raises(AuditLogUnavailable, match="is no cluster"):
        Server(client).check()
    client.close()


def test_another_node_is_asked_when_the_first_is_away(running: RunningCluster) -> None:
    client = connect_cluster(
        "redis://127.0.0.1:1", also=[("127.0.0.1", each.port) for each in running.masters], limits=QUICK
    )
    assert initialise(Server(client), ACCOUNTS[0]) == 1
    client.close()


@pytest.mark.parametrize("url", ["unix:///run/redis.sock", "redis://127.0.0.1:7000/3", "redis://127.0.0.1?db=1"])
def test_a_url_that_no_cluster_has(url: str) -> None:
    with pytest.raises(ValueError, match="Redis"):
        connect_cluster(url)


@pytest.mark.full
def test_a_cluster_that_demands_all_its_slots_is_not_ready_without_one(tmp_path: Path) -> None:
    """It is Redis' default; docs/storage.md says to change it."""
    running = start_cluster(tmp_path)
    client = connect_cluster(running.url, limits=QUICK)
    server = Server(client)
    try:
        for each in running.masters:
            tell(each, "CONFIG", "SET", "cluster-require-full-coverage", "yes")
        assert server.check()["masters"] == MASTERS
        running.masters[2].kill()
        for each in running.masters[:2]:
            until_it_fails(each)
        with pytest.raises(AuditLogUnavailable, match="has lost a part of its cluster"):
            initialise(server, ACCOUNTS[0])
        with pytest.raises(AuditLogUnavailable):
            server.check()
    finally:
        client.close()
        running.stop()


def until_it_fails(master: RunningValkey) -> None:
    deadline = time.monotonic() + 15
    while "cluster_state:fail" not in tell(master, "CLUSTER", "INFO"):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def lost(server: Server, running: RunningCluster, directory: Path) -> None:
    """A history of three accounts, of which one team is suspended, and then masters that have lost everything."""
    log, mirror = RedisAuditLog(server), NdjsonMirror(directory)
    now = datetime.now(UTC)
    thief = suspension("team", "storefront")
    said = {"suspended": {"kind": "team", "id": thief.id}, "reason": thief.reason}
    mirror.append(log.append(EventDraft(EventKind.SUSPENDED, now, caller=thief.by, details=said)))
    for account in ACCOUNTS:
        initialise(server, account)
        reserved = record(now, account=account)
        drafted = event(reserved, EventKind.RESERVED, granted=granted_details(reserved.grant))
        outcome = log.reserve(Reservation(reserved, replace(drafted, request_id="r"), now + timedelta(seconds=30)))
        assert isinstance(outcome, Reserved)
        mirror.append(outcome.events)
    mirror.close()
    running.flush()


def test_what_can_be_reached_is_repaired_while_a_master_is_away(
    running: RunningCluster, server: Server, tmp_path: Path
) -> None:
    lost(server, running, tmp_path)
    streams, gone = RedisEventStreams(server), next(a for a in ACCOUNTS if holder(running, a) != holder(running))
    with paused(running.holder_of(gone)):
        found = repair_on(server, tmp_path, accounts=ACCOUNTS).run()
        assert found.away == (gone,)
        assert {each.loss.stream for each in found.findings} == {*ACCOUNTS, SERVICE_STREAM} - {gone}
        assert not any(each.is_away for each in found.findings)
        assert {account: streams.last(account) for account in ACCOUNTS if account != gone} == dict.fromkeys(
            {*ACCOUNTS} - {gone}, 1
        )
    assert eventually(lambda: streams.last(gone) == 0)
    found = repair_on(server, tmp_path, accounts=ACCOUNTS).run()
    assert (found.away, [each.loss.stream for each in found.findings]) == ((), [gone])
    for account in ACCOUNTS:
        with pytest.raises(Suspended):
            RedisAuditLog(server).reserve(reservation(record(datetime.now(UTC), account=account)))
    assert repair_on(server, tmp_path, accounts=ACCOUNTS).run().findings == ()


def test_an_account_that_is_repaired_without_the_list_of_suspensions_has_them_from_the_mirror(
    running: RunningCluster, server: Server, tmp_path: Path
) -> None:
    lost(server, running, tmp_path)
    reached = [account for account in ACCOUNTS if holder(running, account) != holder(running)]
    with paused(running.holder_of(SERVICE_STREAM)):
        found = repair_on(server, tmp_path, accounts=ACCOUNTS).run()
        assert {SERVICE_STREAM, *ACCOUNTS} - set(reached) == set(found.away)
        for account in reached:
            with pytest.raises(Suspended):
                RedisAuditLog(server).reserve(reservation(record(datetime.now(UTC), account=account)))
        (told,) = RedisEventStreams(server).after(min(reached), 1, 9)
        assert '"kind":"logRepaired"' in told.text
    assert eventually(lambda: RedisEventStreams(server).last(SERVICE_STREAM) == 0)
    found = repair_on(server, tmp_path, accounts=ACCOUNTS).run()
    assert SERVICE_STREAM in {each.loss.stream for each in found.findings}
    assert [each.id for each in RedisSuspensions(server).list()] == ["storefront"]


def holder(running: RunningCluster, stream: str = SERVICE_STREAM) -> int:
    return running.holder_of(stream).pid


@contextmanager
def paused(master: RunningValkey) -> Iterator[None]:
    master.pause()
    try:
        yield
    finally:
        master.resume()


def eventually(is_so: Callable[[], bool]) -> bool:
    """Wait for a master that is left alone for two seconds after it did not answer."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with suppress(AuditLogUnavailable):
            return is_so()
        time.sleep(0.05)
    return False
