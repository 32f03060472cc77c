"""Every contract test runs against the twin in memory and a real Valkey; with the marker ``full`` also a cluster."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from sas_service.adapters.redis.connection import Limits, connect, connect_cluster
from sas_service.adapters.redis.server import Durability, Server
from tests.contract.ports.world import World, memory_world, redis_world
from tests.valkey_cluster import RunningCluster, start_cluster
from tests.valkey_process import RunningValkey, start_valkey

PATIENT = Limits(connect=timedelta(seconds=5), read=timedelta(seconds=30))


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningValkey]:
    running = start_valkey(tmp_path_factory.mktemp("valkey"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def server(valkey: RunningValkey) -> Iterator[Server]:
    # What is tested is what a server answers, not how soon: a machine may stand still for seconds.
    redis = connect(valkey.url, limits=PATIENT)
    server = Server(redis, durability=Durability(timeout=timedelta(seconds=25)))
    server.layout = 2
    yield server
    redis.close()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCluster]:
    running = start_cluster(tmp_path_factory.mktemp("cluster"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def cluster_server(cluster: RunningCluster) -> Iterator[Server]:
    redis = connect_cluster(cluster.url)
    server = Server(redis)
    server.layout = 2
    yield server
    redis.close()


BACKENDS = ["memory", "redis", pytest.param("cluster", marks=pytest.mark.full)]
"""``maps-demo`` and ``maps-other`` lie on different masters of the cluster, and the service's stream on the third."""


@pytest.fixture(params=BACKENDS)
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "memory":
        return memory_world()
    if request.param == "cluster":
        return redis_world(request.getfixturevalue("cluster"), request.getfixturevalue("cluster_server"))
    return redis_world(request.getfixturevalue("valkey"), request.getfixturevalue("server"))


def server_behind(request: pytest.FixtureRequest) -> Server:
    """Return what the ``world`` of this test, which is not the twin's, is stored in."""
    is_cluster = request.node.callspec.params["world"] == "cluster"
    server: Server = request.getfixturevalue("cluster_server" if is_cluster else "server")
    return server


@pytest.fixture(params=["memory", "redis"])
def timeless(request: pytest.FixtureRequest) -> World:
    """A world whose records may be of any time."""
    skew = timedelta(days=365_000)
    if request.param == "memory":
        return memory_world(max_clock_skew=skew)
    return redis_world(request.getfixturevalue("valkey"), request.getfixturevalue("server"), max_clock_skew=skew)
