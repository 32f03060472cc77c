"""Every contract test runs against the twin in memory and against a real Valkey."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from sas_service.adapters.redis.connection import connect
from sas_service.adapters.redis.server import Server
from tests.contract.ports.world import World, memory_world, redis_world
from tests.valkey_process import RunningValkey, start_valkey


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningValkey]:
    running = start_valkey(tmp_path_factory.mktemp("valkey"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def server(valkey: RunningValkey) -> Iterator[Server]:
    redis = connect(valkey.url)
    server = Server(redis)
    server.layout = 2
    yield server
    redis.close()


@pytest.fixture(params=["memory", "redis"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "memory":
        return memory_world()
    return redis_world(request.getfixturevalue("valkey"), request.getfixturevalue("server"))


@pytest.fixture(params=["memory", "redis"])
def timeless(request: pytest.FixtureRequest) -> World:
    """A world whose records may be of any time."""
    skew = timedelta(days=365_000)
    if request.param == "memory":
        return memory_world(max_clock_skew=skew)
    return redis_world(request.getfixturevalue("valkey"), request.getfixturevalue("server"), max_clock_skew=skew)
