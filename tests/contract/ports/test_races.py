"""Many threads at once: one winner where there may be one, and numbers without gaps."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sas_service.domain.audit import EventKind
from sas_service.domain.errors import EpochMoved, RecordConflict, RequestInProgress, SasServiceError
from sas_service.domain.tokens import TokenState
from sas_service.ports import EventQuery, Idempotency, Replay, Reserved, TokenQuery
from tests.contract.ports.world import ACCOUNT, World, denial, event, record, signed

THREADS = 8


def at_once(work: Callable[[int], object], times: int) -> list[object]:
    """Return what each call returned or raised."""

    def safely(number: int) -> object:
        try:
            return work(number)
        except SasServiceError as error:
            return error

    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(safely, range(times)))


def test_numbers_have_no_gap_and_no_event_is_lost(world: World) -> None:
    issued = at_once(lambda _: world.issue(record(world.now)), 60)
    page = world.audit_log.events(EventQuery([ACCOUNT]), cursor=None, limit=500)
    assert [each.seq for each in page.items] == list(range(120, 0, -1))
    assert [json.loads(each.text)["seq"] for each in page.items] == list(range(120, 0, -1))
    assert set(map(str, issued)) == set(
        map(str, world.audit_log.tokens(TokenQuery([ACCOUNT]), cursor=None, limit=500).items)
    )


def test_one_of_many_requests_with_the_same_key_reserves(world: World) -> None:
    key = Idempotency("key", "body")
    outcomes = at_once(lambda _: world.reserve(record(world.now), idempotency=key), 40)
    assert sum(isinstance(each, Reserved) for each in outcomes) == 1
    assert sum(isinstance(each, RequestInProgress) for each in outcomes) == 39


def test_requests_with_the_same_key_end_with_one_token(world: World) -> None:
    key = Idempotency("key", "body")

    def ask(_number: int) -> str:
        while True:
            wanted = record(world.now)
            try:
                outcome = world.reserve(wanted, idempotency=key)
            except RequestInProgress:
                continue
            if isinstance(outcome, Replay):
                return outcome.record.id
            live = signed(wanted)
            world.audit_log.commit(live, event(live, EventKind.ISSUED))
            return live.id

    assert len(set(at_once(ask, 30))) == 1


def test_commit_and_settle_of_one_reservation_have_one_winner(world: World) -> None:
    for _ in range(15):
        wanted = record(world.now)
        world.reserve(wanted)
        live = signed(wanted)
        outcomes = at_once(
            lambda number, live=live, wanted=wanted: (  # type: ignore[misc]
                world.audit_log.commit(live, event(live, EventKind.ISSUED))
                if number % 2
                else world.audit_log.settle(wanted, TokenState.ABANDONED, event(wanted, EventKind.ABANDONED))
            ),
            2,
        )
        settled, committed = outcomes
        stored = world.audit_log.token(wanted.id)
        assert stored is not None
        if isinstance(committed, RecordConflict):
            assert stored.state is TokenState.ABANDONED
        else:
            assert isinstance(settled, RecordConflict)
            assert stored == live


def test_no_token_is_committed_in_an_epoch_that_has_passed(world: World) -> None:
    reserved = [record(world.now) for _ in range(40)]
    for each in reserved:
        world.reserve(each)

    def commit_or_switch(number: int) -> object:
        if number == 20:
            world.move_epoch(ACCOUNT, 2)
            return len(world.audit_log.tokens(TokenQuery([ACCOUNT]), cursor=None, limit=500).items)
        live = signed(reserved[number])
        return world.audit_log.commit(live, event(live, EventKind.ISSUED))

    outcomes = at_once(commit_or_switch, 40)
    live_after_switch = len(world.audit_log.tokens(TokenQuery([ACCOUNT]), cursor=None, limit=500).items)
    # Whatever was live when the switch returned is all that ever will be of the old epoch.
    assert outcomes[20] == live_after_switch
    assert sum(isinstance(each, EpochMoved) for each in outcomes) == 39 - live_after_switch


def test_no_redelivery_is_lost(world: World) -> None:
    live = world.issue(record(world.now))
    fingerprints = [f"{number:064x}" for number in range(24)]

    def redeliver(number: int) -> object:
        while True:
            try:
                return world.audit_log.redeliver(live, fingerprints[number], event(live, EventKind.REDELIVERED))
            except RecordConflict:
                continue

    at_once(redeliver, 24)
    stored = world.audit_log.token(live.id)
    assert stored is not None
    assert set(stored.fingerprints) == {*live.fingerprints, *fingerprints}


def test_no_denial_is_lost(world: World) -> None:
    at_once(lambda _: world.audit_log.deny(denial(world.now)), 50)
    (later,) = world.audit_log.deny(denial(world.now.replace(year=world.now.year + 1)))
    assert json.loads(later.text)["count"] == 50


def test_once_is_once_for_many_processes(world: World) -> None:
    told = at_once(
        lambda _: world.audit_log.append(event(record(world.now), EventKind.POLICY_CHANGED), once="policy:x"), 30
    )
    assert sum(bool(each) for each in told) == 1
