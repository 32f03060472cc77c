"""Idempotency keys: the same answer for the same request, and a plain refusal for everything else."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sas_service.domain.audit import EventKind
from sas_service.domain.errors import (
    EpochMoved,
    IdempotencyKeyReused,
    RequestInProgress,
    Suspended,
    TokenSuperseded,
)
from sas_service.domain.tokens import TokenState
from sas_service.ports import Idempotency, Replay, Reserved
from tests.contract.ports.world import ACCOUNT, World, event, record

KEY = Idempotency(key="k" * 64, body="b" * 64)


def test_the_same_request_is_a_replay_of_the_recorded_grant(world: World) -> None:
    live = world.issue(record(world.now), idempotency=KEY)
    later = record(world.now + timedelta(seconds=20))
    assert world.reserve(later, idempotency=KEY) == Replay(live)
    assert world.audit_log.token(later.id) is None
    world.audit_log.redeliver(live, "cd" * 32, event(live, EventKind.REDELIVERED))
    assert world.reserve(later, idempotency=KEY) == Replay(world.audit_log.token(live.id) or live)


def test_another_key_is_another_token(world: World) -> None:
    world.issue(record(world.now), idempotency=KEY)
    assert isinstance(world.reserve(record(world.now), idempotency=replace(KEY, key="other")), Reserved)
    assert isinstance(world.reserve(record(world.now)), Reserved)


@pytest.mark.parametrize("finished", [True, False])
def test_another_body_is_refused(world: World, finished: bool) -> None:
    first = record(world.now)
    world.issue(first, idempotency=KEY) if finished else world.reserve(first, idempotency=KEY)
    with pytest.raises(IdempotencyKeyReused):
        world.reserve(record(world.now), idempotency=replace(KEY, body="other"))


def test_a_first_request_that_runs_is_waited_for(world: World) -> None:
    world.reserve(record(world.now), idempotency=KEY)
    with pytest.raises(RequestInProgress) as refusal:
        world.reserve(record(world.now), idempotency=KEY)
    assert refusal.value.retry_after == timedelta(seconds=1)


def test_a_first_request_that_died_counts_as_running_until_it_is_settled(world: World) -> None:
    first = record(world.now - timedelta(seconds=50))
    world.reserve(first, idempotency=KEY)
    assert world.audit_log.overdue(ACCOUNT, world.now) == (first,)
    with pytest.raises(RequestInProgress):
        world.reserve(record(world.now), idempotency=KEY)


@pytest.mark.parametrize("state", [TokenState.ABANDONED, TokenState.REFUSED])
def test_what_came_to_nothing_is_tried_anew(world: World, state: TokenState) -> None:
    first = record(world.now)
    world.reserve(first, idempotency=KEY)
    world.audit_log.settle(first, state, event(first, EventKind(state.value)))
    live = world.issue(record(world.now), idempotency=KEY)
    assert world.reserve(record(world.now), idempotency=KEY) == Replay(live)


def test_an_abandoned_token_that_was_committed_is_tried_anew(world: World) -> None:
    live = world.issue(record(world.now), idempotency=KEY)
    world.audit_log.settle(live, TokenState.ABANDONED, event(live, EventKind.ABANDONED))
    assert isinstance(world.reserve(record(world.now), idempotency=KEY), Reserved)


def test_an_expired_token_is_tried_anew(world: World) -> None:
    world.issue(record(world.now - timedelta(seconds=30), lifetime=timedelta(seconds=10)), idempotency=KEY)
    assert isinstance(world.reserve(record(world.now), idempotency=KEY), Reserved)


def test_after_a_switch_the_token_is_superseded(world: World) -> None:
    live = world.issue(record(world.now), idempotency=KEY)
    world.move_epoch(ACCOUNT, 2)
    for epoch in (1, 2):
        with pytest.raises(TokenSuperseded) as refusal:
            world.reserve(record(world.now, epoch=epoch), idempotency=KEY)
        assert refusal.value.extra == {"replacement": live.id}


def test_a_replaced_token_leads_to_its_replacement(world: World) -> None:
    wanted = replace(record(world.now), replaced_by="maps-demo.newer")
    world.issue(wanted, idempotency=KEY)
    with pytest.raises(TokenSuperseded) as refusal:
        world.reserve(record(world.now), idempotency=KEY)
    assert refusal.value.extra == {"replacement": "maps-demo.newer"}


def test_a_suspended_caller_gets_no_replay(world: World) -> None:
    world.issue(record(world.now), idempotency=KEY)
    world.suspend("team", "storefront")
    with pytest.raises(Suspended):
        world.reserve(record(world.now), idempotency=KEY)


def test_a_refused_reservation_does_not_use_up_its_key(world: World) -> None:
    with pytest.raises(EpochMoved):
        world.reserve(record(world.now, epoch=7), idempotency=KEY)
    assert isinstance(world.reserve(record(world.now), idempotency=replace(KEY, body="other")), Reserved)


def test_reserving_again_with_a_key_after_a_lost_reply_stands(world: World) -> None:
    wanted = record(world.now)
    assert isinstance(world.reserve(wanted, idempotency=KEY), Reserved)
    assert world.reserve(wanted, idempotency=KEY) == Reserved(())
