"""Killed servers, power cuts, failovers, all under load: what was acknowledged is there; turned down, it is not."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sas_service.adapters.redis.connection import connect
from sas_service.adapters.redis.server import Durability, Script, Server
from sas_service.domain.errors import AuditLogUnavailable
from tests.integration.redis.chaos import (
    DURABLE,
    REPLICATED,
    TURNED_DOWN,
    attached,
    cut_power,
    fail_over,
    load,
    lost,
    noting_syncs,
)
from tests.integration.redis.conftest import Start
from tests.valkey_process import RunningValkey

SMALL, WHOLE = "small", pytest.param("whole", marks=pytest.mark.full)
KILLS = {"small": (1, 2, 150), "whole": (10, 5, 2000)}
"""Servers one after the other (each start reads the whole log), deaths of each, acknowledgements before each death."""

FAILOVERS = {"small": (2, 150), "whole": (20, 2500)}
"""How many, and acknowledgements before each: 250,000 in all three whole tests together."""


@pytest.fixture
def syncs(tmp_path: Path) -> Iterator[None]:
    end = noting_syncs(tmp_path)
    yield
    end()


def deaths(start: Start, size: str, die: Callable[[RunningValkey], object]) -> None:
    """Let servers die under load again and again, and look for everything that was acknowledged."""
    servers, many, each = KILLS[size]
    for number in range(servers):
        valkey = start(f"{number}")
        with load(valkey, DURABLE) as running:
            for _ in range(many):
                running.until(each)
                die(valkey)
                valkey = start(f"{number}", port=valkey.port)
            running.until(10)
        assert len(running.acknowledged) >= many * each
        assert lost(valkey, running.acknowledged) == []
        valkey.kill()


def losing(start: Start, durability: Durability) -> RunningValkey:
    """Cut the power of a server that syncs each second until something is lost, and return it; a cut may just miss."""
    valkey = start(appendfsync="everysec")
    for _ in range(5):
        with load(valkey, durability) as running:
            running.until(200)
            cut_power(valkey)
        valkey = start(port=valkey.port, appendfsync="everysec")
        if lost(valkey, running.acknowledged):
            return valkey
    raise AssertionError("nothing was lost in five cuts")


@pytest.mark.parametrize("size", [SMALL, WHOLE])
def test_killed_servers_lose_nothing_acknowledged(start: Start, size: str) -> None:
    deaths(start, size, RunningValkey.kill)


@pytest.mark.parametrize("size", [SMALL, WHOLE])
def test_power_cuts_lose_nothing_acknowledged(start: Start, syncs: None, size: str) -> None:
    deaths(start, size, cut_power)


def test_power_cuts_lose_what_nobody_waited_for(start: Start, syncs: None) -> None:
    """The control: the same with durability turned down."""
    losing(start, TURNED_DOWN)


def test_a_sync_each_second_is_refused_because_waitaof_does_not_wait_for_it(start: Start, syncs: None) -> None:
    """If the first half of this fails, servers have mended it, and ``Server.check`` may allow it again."""
    valkey = losing(start, DURABLE)
    server = Server(connect(valkey.url), durability=DURABLE)
    with pytest.raises(AuditLogUnavailable, match="appendfsync everysec"):
        server.check()
    with pytest.raises(AuditLogUnavailable, match="configured so that records may be lost"):
        server.run(Script("release_lock"), ("{x}:lock",), ("me",))


@pytest.mark.parametrize("size", [SMALL, WHOLE])
def test_failovers_lose_nothing_acknowledged(start: Start, size: str) -> None:
    many, each = FAILOVERS[size]
    total = 0
    for number in range(many):
        primary = start(f"{number}-primary", repl_diskless_sync_delay=0)
        replica = start(f"{number}-replica", replicaof=f"127.0.0.1 {primary.port}")
        attached(primary)
        with load(primary, REPLICATED) as running:
            running.until(each)
            fail_over(primary, replica, meanwhile=lambda: time.sleep(0.1))
        assert lost(replica, running.acknowledged) == []
        total += len(running.acknowledged)
        replica.kill()
    assert total >= many * each


def test_failovers_lose_what_no_replica_confirmed(start: Start) -> None:
    """The control: synced by the primary alone."""
    primary = start("primary", repl_diskless_sync_delay=0)
    replica = start("replica", replicaof=f"127.0.0.1 {primary.port}")
    attached(primary)
    with load(primary, DURABLE) as running:
        running.until(150)
        fail_over(primary, replica, meanwhile=lambda: running.until(20))
    assert len(lost(replica, running.acknowledged)) > 0
