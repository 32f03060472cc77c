"""Each of these tests runs against the twins in memory and against a real Valkey."""

import pytest

from tests.contract.ports.conftest import BACKENDS
from tests.contract.ports.revocation.world import Revoking, memory_revoking, redis_revoking


@pytest.fixture(params=BACKENDS)
def revoking(request: pytest.FixtureRequest) -> Revoking:
    if request.param == "memory":
        return memory_revoking()
    if request.param == "cluster":
        return redis_revoking(request.getfixturevalue("cluster"), request.getfixturevalue("cluster_server"))
    return redis_revoking(request.getfixturevalue("valkey"), request.getfixturevalue("server"))
