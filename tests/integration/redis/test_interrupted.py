"""What others do between our look at something and the script that acts on it."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from sas_service.adapters.redis.server import Script, Server
from sas_service.domain.audit import AuditEvent, EventKind
from sas_service.domain.errors import AuditLogUnavailable, RecordConflict, RequestInProgress, Suspended
from sas_service.domain.tokens import TokenState
from sas_service.ports import Idempotency, Reserved
from tests.contract.ports.world import (
    ACCOUNT,
    OTHER_ACCOUNT,
    World,
    denial,
    event,
    record,
    redis_world,
    signed,
    suspension,
)
from tests.integration.redis.conftest import Connect, Start
from tests.valkey_process import RunningValkey

KEY = Idempotency("key", "body")


class Interrupted(Server):
    """Lets a test act just before the next script runs."""

    before: Callable[[], object] | None = None

    def run(self, script: Script, keys: Sequence[str], arguments: Sequence[str | int]) -> Any:
        self._interrupt()
        return super().run(script, keys, arguments)

    def run_durably(self, script: Script, keys: Sequence[str], arguments: Sequence[str | int]) -> Any:
        self._interrupt()
        return super().run_durably(script, keys, arguments)

    def _interrupt(self) -> None:
        before, self.before = self.before, None
        if before:
            before()


@pytest.fixture
def valkey(start: Start) -> RunningValkey:
    return start()


@pytest.fixture
def setting(valkey: RunningValkey, connected: Connect) -> tuple[Interrupted, World]:
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


def test_a_minute_that_another_worker_ended_is_not_ended_twice(server: Interrupted, world: World) -> None:
    for second in range(3):
        world.audit_log.deny(denial(world.now + timedelta(seconds=second)))
    over = world.now + timedelta(minutes=1)
    others: list[AuditEvent] = []
    server.before = lambda: others.extend(world.audit_log.flush_denials(over))
    assert world.audit_log.flush_denials(over) == ()
    assert len(others) == 1
    assert world.audit_log.deny(denial(over + timedelta(seconds=1))) == ()


def test_a_suspension_that_is_lifted_while_a_stale_copy_is_made_stays_lifted(server: Interrupted, world: World) -> None:
    world.suspensions.put(suspension("team", "storefront"), [ACCOUNT])
    # ``sync`` has read the list when the suspension is lifted everywhere.
    server.before = lambda: world.suspensions.delete("team", "storefront", [ACCOUNT, OTHER_ACCOUNT])
    world.suspensions.sync([OTHER_ACCOUNT])
    for account in (ACCOUNT, OTHER_ACCOUNT):
        assert isinstance(world.reserve(record(world.now, account=account)), Reserved)


def test_a_list_that_went_back_in_a_failover_still_reaches_the_accounts(world: World, valkey: RunningValkey) -> None:
    for team in ("a", "b", "c"):
        world.suspensions.put(suspension("team", team), [ACCOUNT])
    with valkey.client() as client:
        client.hset("{service}:suspensions", "version", "1")
    world.suspensions.put(suspension("team", "storefront"), [ACCOUNT])
    with pytest.raises(Suspended):
        world.reserve(record(world.now))


def test_a_redelivery_of_what_was_given_up_meanwhile_conflicts(server: Interrupted, world: World) -> None:
    live = world.issue(record(world.now))
    server.before = lambda: world.audit_log.settle(live, TokenState.ABANDONED, event(live, EventKind.ABANDONED))
    with pytest.raises(RecordConflict):
        world.audit_log.redeliver(live, "cd" * 32, event(live, EventKind.REDELIVERED))
    stored = world.audit_log.token(live.id)
    assert stored is not None
    assert stored.state is TokenState.ABANDONED


def test_a_reaper_whose_reservation_is_committed_before_its_script_leaves_it(server: Interrupted, world: World) -> None:
    wanted = record(world.now)
    world.reserve(wanted)
    live = signed(wanted)
    server.before = lambda: world.audit_log.commit(live, event(live, EventKind.ISSUED))
    with pytest.raises(RecordConflict):
        world.audit_log.settle(wanted, TokenState.ABANDONED, event(wanted, EventKind.ABANDONED))
    assert world.audit_log.token(live.id) == live
