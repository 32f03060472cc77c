"""Load on a log while its server dies: who was told that a record is durable, and what is left of it afterwards."""

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from sas_service.adapters.redis.connection import Limits, connect
from sas_service.adapters.redis.server import Durability, Server
from sas_service.domain.errors import AuditLogUnavailable
from tests.contract.ports.world import ACCOUNT, World, record, redis_world
from tests.preload import compiled
from tests.valkey_process import RunningValkey

LIMITS = Limits(connect=timedelta(seconds=1), read=timedelta(seconds=5), connections=32)
DURABLE = Durability(timeout=timedelta(seconds=3))
REPLICATED = Durability(replicas=1, timeout=timedelta(seconds=3))
TURNED_DOWN = Durability(local=False, timeout=timedelta(seconds=3))
_AT_ONCE = 1000


class Load:
    """Threads that issue without pause; ``acknowledged`` has the id of every token that was told to be durable."""

    def __init__(self, valkey: RunningValkey, durability: Durability, *, threads: int = 8) -> None:
        self.acknowledged: list[str] = []
        self._world = world_on(valkey, durability)
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.acknowledged.append(self._world.issue(record(datetime.now(UTC))).id)
            except AuditLogUnavailable:
                self._stop.wait(0.02)

    def until(self, more: int, within: float = 120) -> None:
        """Wait for so many more acknowledgements, and then for a moment that nobody chose."""
        wanted, deadline = len(self.acknowledged) + more, time.monotonic() + within
        while len(self.acknowledged) < wanted:
            assert time.monotonic() < deadline, f"{len(self.acknowledged)} of {wanted}"
            time.sleep(0.002)
        time.sleep(random.uniform(0, 0.03))  # noqa: S311  a moment, not a key

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


@contextmanager
def load(valkey: RunningValkey, durability: Durability) -> Iterator[Load]:
    running = Load(valkey, durability)
    try:
        yield running
    finally:
        running.stop()


def world_on(valkey: RunningValkey, durability: Durability) -> World:
    """Return a world on a server, initialised but not emptied."""
    server = Server(connect(valkey.url, limits=LIMITS), durability=durability)
    server.layout = 2
    world = redis_world(valkey, server, empty=False)
    world.slots.initialise(ACCOUNT, {"web": "web-a"})
    return world


def lost(valkey: RunningValkey, acknowledged: list[str]) -> list[str]:
    """Return the acknowledged tokens whose live record is not there; events must be without gaps in any case."""
    missing = []
    with valkey.client(timeout=10) as client:
        for first in range(0, len(acknowledged), _AT_ONCE):
            ids = acknowledged[first : first + _AT_ONCE]
            texts = client.mget(["{" + ACCOUNT + "}:token:" + each.rpartition(".")[2] for each in ids])
            missing += [each for each, text in zip(ids, texts, strict=True) if not text or '"live"' not in str(text)]
        assert int(client.get("{" + ACCOUNT + "}:events:seq") or 0) == client.xlen("{" + ACCOUNT + "}:events")
    return missing


def attached(primary: RunningValkey) -> None:
    """Wait until the primary's replica syncs writes to its own file: it is online long before it has rewritten that."""
    deadline = time.monotonic() + 60
    with primary.client() as client, client.client() as connection:
        while time.monotonic() < deadline:
            try:
                # Of a connection that wrote nothing, every replica would count.
                connection.incr("attached")
                if connection.execute_command("WAITAOF", 1, 1, 200)[1] == 1:
                    return
            except RedisError:
                pass
            time.sleep(0.02)
    pytest.fail("the replica never attached")


def fail_over(primary: RunningValkey, replica: RunningValkey, meanwhile: Callable[[], None]) -> None:
    """Part the replica from its primary, go on with that alone for a while, end it, and promote the replica."""
    replica.pause()
    with primary.client(timeout=10) as client:
        # A stopped replica alone would find all it missed in its socket's buffer.
        client.client_kill_filter(_type="replica")
    meanwhile()
    primary.kill()
    replica.resume()
    with replica.client(timeout=10) as client:
        client.replicaof("NO", "ONE")


def noting_syncs(directory: Path) -> Callable[[], None]:
    """Let servers started from now on note their syncs; returns what ends that. Skips where there is no compiler."""
    library = compiled(Path(__file__).with_name("syncs.c"), directory)
    os.environ["LD_PRELOAD"] = str(library)

    def end() -> None:
        del os.environ["LD_PRELOAD"]

    return end


def cut_power(valkey: RunningValkey) -> int:
    """End the server and cut its log back to its last sync; returns how many bytes that took away."""
    valkey.kill()
    cut = 0
    for path in (valkey.directory / "appendonlydir").glob("*.incr.aof"):
        notes = path.with_name(path.name + ".synced")
        synced = int(notes.read_text()) if notes.exists() else 0
        cut += path.stat().st_size - synced
        os.truncate(path, synced)
    return cut
