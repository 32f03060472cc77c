"""Real servers of one test's own: some are stopped, filled or killed."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from redis import Redis

from sas_service.adapters.redis.connection import Limits, connect
from sas_service.adapters.redis.server import Durability, Server
from tests.contract.ports.world import World, redis_world
from tests.valkey_process import RunningValkey, start_valkey

QUICK = Limits(connect=timedelta(milliseconds=300), read=timedelta(milliseconds=900))
PATIENT = Limits(connect=timedelta(seconds=2), read=timedelta(seconds=8))
QUICK_DURABILITY = Durability(timeout=timedelta(milliseconds=500))
DEADLINE = 3.0
"""Seconds within which every refusal comes: connecting, reading the script's answer and that of WAITAOF."""

Start = Callable[..., RunningValkey]
Connect = Callable[..., Redis]
Build = Callable[..., World]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[RunningValkey] = []

    def start_one(name: str = "valkey", *, port: int | None = None, **config: str | int) -> RunningValkey:
        started.append(start_valkey(tmp_path / name, port=port, **config))
        return started[-1]

    yield start_one
    for running in reversed(started):
        running.stop()


@pytest.fixture
def connected() -> Iterator[Connect]:
    clients: list[Redis] = []

    def connect_to(valkey: RunningValkey, limits: Limits = QUICK) -> Redis:
        clients.append(connect(valkey.url, limits=limits))
        return clients[-1]

    yield connect_to
    for client in clients:
        client.close()


@pytest.fixture
def build(connected: Connect) -> Build:
    def build_world(
        valkey: RunningValkey, durability: Durability = QUICK_DURABILITY, *, limits: Limits = QUICK
    ) -> World:
        # Set up without waiting, so that a test's durability meets only the test's own writes.
        redis_world(valkey, Server(connected(valkey), durability=Durability(local=False)))
        return redis_world(valkey, Server(connected(valkey, limits), durability=durability), empty=False)

    return build_world
