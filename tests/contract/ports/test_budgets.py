"""A profile's budget is checked with the reservation, in one step; what it counts is what could still be used."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sas_service.domain.audit import EventKind
from sas_service.domain.errors import OutsidePolicy
from sas_service.domain.policy import Budget
from sas_service.domain.tokens import TokenRecord, TokenState
from sas_service.ports import Reserved
from tests.contract.ports.world import ACCOUNT, OTHER_ACCOUNT, World, event, record, signed

TWO = Budget(live_tokens=2)


def refused(world: World, wanted: TokenRecord, budget: Budget) -> list[tuple[str, object, object]]:
    with pytest.raises(OutsidePolicy) as refusal:
        world.reserve(wanted, budget=budget)
    assert world.audit_log.token(wanted.id) is None
    return [(each.rule, each.asked, each.allowed) for each in refusal.value.violations]


def test_what_is_reserved_or_live_counts(world: World) -> None:
    live = record(world.now)
    world.reserve(live, budget=TWO)
    world.audit_log.commit(signed(live), event(live, EventKind.ISSUED))
    world.reserve(record(world.now), budget=TWO)
    assert refused(world, record(world.now), TWO) == [("profiles.web.budget.liveTokens", 3, 2)]
    world.reserve(record(world.now, profile="other"), budget=TWO)
    world.reserve(record(world.now, account=OTHER_ACCOUNT), budget=TWO)


def test_requests_per_second_are_over_all_locations_and_all_is_told_at_once(world: World) -> None:
    world.reserve(record(world.now), budget=Budget(requests_per_second=199))
    found = refused(world, record(world.now), Budget(live_tokens=1, requests_per_second=199))
    assert found == [
        ("profiles.web.budget.liveTokens", 2, 1),
        ("profiles.web.budget.requestsPerSecond", 200, 199),
    ]
    world.reserve(record(world.now), budget=Budget(requests_per_second=200))


@pytest.mark.parametrize("state", [TokenState.ABANDONED, TokenState.REFUSED])
def test_what_was_given_up_gives_its_place_back(world: World, state: TokenState) -> None:
    for _ in range(5):
        given_up = record(world.now)
        world.reserve(given_up, budget=Budget(1, 100))
        world.audit_log.settle(given_up, state, event(given_up, EventKind.ABANDONED))
    world.reserve(record(world.now), budget=Budget(1, 100))


def test_what_has_expired_does_not_count(timeless: World) -> None:
    past, now = datetime.now(UTC) - timedelta(days=2), datetime.now(UTC)
    for number in range(3):
        timeless.reserve(record(past + timedelta(minutes=number)), budget=Budget(9, 900))
    timeless.reserve(record(now), budget=Budget(1, 100))
    assert len(refused(timeless, record(now), Budget(1, 100))) == 2


def test_what_was_issued_before_there_was_a_budget_counts_as_well(world: World) -> None:
    abandoned = record(world.now)
    world.issue(record(world.now))
    world.reserve(record(world.now))
    world.reserve(abandoned)
    world.audit_log.settle(abandoned, TokenState.ABANDONED, event(abandoned, EventKind.ABANDONED))
    assert refused(world, record(world.now), Budget(2, 250)) == [
        ("profiles.web.budget.liveTokens", 3, 2),
        ("profiles.web.budget.requestsPerSecond", 300, 250),
    ]
    world.reserve(record(world.now), budget=Budget(3, 300))
    # The budget was taken away, and came back.
    world.reserve(record(world.now))
    assert len(refused(world, record(world.now), Budget(4, 400))) == 2


def test_a_switch_begins_anew_and_replacements_may_overdraw(world: World) -> None:
    for _ in range(2):
        world.reserve(record(world.now), budget=TWO)
    world.move_epoch(ACCOUNT, 2)
    outcomes = [world.reserve(record(world.now, epoch=2), budget=TWO, may_overdraw=True) for _ in range(3)]
    assert [isinstance(each, Reserved) and each.overdrawn for each in outcomes] == [False, False, True]
    assert refused(world, record(world.now, epoch=2), TWO) == [("profiles.web.budget.liveTokens", 4, 2)]


def test_nobody_gets_past_it_at_the_same_time(world: World) -> None:
    def one_more(_number: int) -> bool:
        try:
            world.reserve(record(world.now), budget=Budget(live_tokens=7))
        except OutsidePolicy:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one_more, range(40))) == 7


def test_a_repeated_reservation_counts_once(world: World) -> None:
    wanted = record(world.now)
    for _ in range(3):
        world.reserve(wanted, budget=TWO)
    world.reserve(replace(record(world.now)), budget=TWO)
    assert len(refused(world, record(world.now), TWO)) == 1
