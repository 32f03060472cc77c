"""Each of these tests runs against the twins in memory and against a real Valkey."""

import pytest

from tests.contract.ports.revocation.world import Revoking, memory_revoking, redis_revoking


@pytest.fixture(params=["memory", "redis"])
def revoking(request: pytest.FixtureRequest) -> Revoking:
    if request.param == "memory":
        return memory_revoking()
    return redis_revoking(request.getfixturevalue("valkey"), request.getfixturevalue("server"))
