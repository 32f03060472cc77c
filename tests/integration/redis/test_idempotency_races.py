"""What happens between the look at an Idempotency-Key and the script that acts on it."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from sas_service.adapters.redis.server import Script, Server
from sas_service.domain.audit import EventKind
from sas_service.domain.errors import AuditLogUnavailable, RequestInProgress
from sas_service.domain.tokens import TokenState
from sas_service.ports import Idempotency, Reserved
from tests.contract.ports.world import World, event, record, redis_world
from tests.integration.redis.conftest import Connect, Start

KEY = Idempotency("key", "body")


class Interrupted(Server):
    """Lets a test act just before the next script runs."""

    before: Callable[[], object] | None = None

    def run(self, script: Script, keys: Sequence[str], arguments: Sequence[str | int]) -> Any:
        before, self.before = self.before, None
        if before:
            before()
        return super().run(script, keys, arguments)


@pytest.fixture
def setting(start: Start, connected: Connect) -> tuple[Interrupted, World]:
    valkey = start()
    server = Interrupted(connected(valkey))
    return server, redis_world(valkey, server)


@pytest.fixture
def server(setting: tuple[Interrupted, World]) -> Interrupted:
    return setting[0]


@pytest.fixture
def world(setting: tuple[Interrupted, World]) -> World:
    return setting[1]


def test_another_request_with_the_same_key_was_quicker(server: Interrupted, world: World) -> None:
    server.before = lambda: world.reserve(record(world.now), idempotency=KEY)
    wanted = record(world.now)
    with pytest.raises(RequestInProgress):
        world.reserve(wanted, idempotency=KEY)
    assert world.audit_log.token(wanted.id) is None


def test_the_earlier_token_was_given_up_meanwhile(server: Interrupted, world: World) -> None:
    live = world.issue(record(world.now), idempotency=KEY)
    server.before = lambda: world.audit_log.settle(live, TokenState.ABANDONED, event(live, EventKind.ABANDONED))
    assert isinstance(world.reserve(record(world.now), idempotency=KEY), Reserved)


def test_a_key_that_changes_all_the_time_is_a_request_in_progress(server: Interrupted, world: World) -> None:
    live = world.issue(record(world.now), idempotency=KEY)

    def redeliver_again_and_again() -> None:
        number = len((world.audit_log.token(live.id) or live).fingerprints)
        world.audit_log.redeliver(live, f"{number:064x}", event(live, EventKind.REDELIVERED))
        server.before = redeliver_again_and_again

    server.before = redeliver_again_and_again
    with pytest.raises(RequestInProgress):
        world.reserve(record(world.now), idempotency=KEY)
    server.before = None


def test_a_server_that_goes_away_in_between_leaves_the_key_unused(server: Interrupted, world: World) -> None:
    def go_away() -> None:
        raise AuditLogUnavailable("gone")

    server.before = go_away
    with pytest.raises(AuditLogUnavailable):
        world.reserve(record(world.now), idempotency=KEY)
    assert isinstance(world.reserve(record(world.now), idempotency=KEY), Reserved)
