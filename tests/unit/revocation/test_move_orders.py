"""Renewal information during a run: now for whom it concerns, as ever for everybody else."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sas_service.domain.arm_budget import PUBLISHED, BucketLimits
from sas_service.domain.lockdowns import Lockdown, LockdownState
from sas_service.domain.move_orders import move_order, order_for
from sas_service.domain.renewal import SOONEST, MoveOrder, renewal_information, renewal_window
from sas_service.domain.revocations import Lever, Mode, Reason, Target
from sas_service.domain.slots import SigningKey
from sas_service.domain.tokens import TokenRecord
from tests.unit.revocation.upkept import EVERY, Upkept
from tests.unit.revocation.world import MAPS, Application, Simulation


def record_of(world: Simulation, app: Application) -> TokenRecord:
    record = world.log.token(app.id)
    assert record is not None
    return record


@pytest.mark.parametrize(("mode", "told"), [(Mode.EXPEDITED, True), (Mode.GRACEFUL, False)])
def test_who_must_move_is_told_after_the_switch_and_only_then(mode: Mode, told: bool) -> None:
    world = Simulation(is_cold=False)
    app, other = world.add("storefront", replaces=False), world.add("logistics", replaces=False)
    world.start(mode=mode, lever=Lever.ROLE, reason=Reason.TOKEN_LEAK, target=Target("profile", ("web",)))
    assert move_order(record_of(world, app), world.journal.of(MAPS)) is None
    world.let_pass(timedelta(minutes=2))
    order = move_order(record_of(world, app), world.journal.of(MAPS))
    assert (order is not None) is told
    assert move_order(record_of(world, other), world.journal.of(MAPS)) is None
    if order is not None:
        assert (order.holders, order.until) == (1, world.journal.of(MAPS)[0].until)
        now = world.clock.now()
        said = renewal_information(record_of(world, app), now, seed="s", order=order)
        assert said.window.end <= now
        assert (said.reason, said.explanation) == ("tokenLeak", "/renewal/tokenLeak")
        assert SOONEST * 0.8 <= said.retry_after <= SOONEST * 1.2


def moments(order: MoveOrder, record: TokenRecord, *, writes: BucketLimits = PUBLISHED) -> list[float]:
    """When each of the order's holders is told to move, in seconds after the order."""
    named = (replace(record, id=f"maps-demo.{number}") for number in range(order.holders))
    said = (renewal_information(each, order.since, seed="s", order=order, writes=writes) for each in named)
    return sorted((each.window.end - order.since).total_seconds() for each in said)


def test_many_holders_are_told_one_after_the_other_as_fast_as_azure_signs_for_sure() -> None:
    world = Simulation(is_cold=False)
    record = record_of(world, world.add("storefront", replaces=False))
    since = world.clock.now()
    order = MoveOrder(since, "tokenLeak", "/renewal/tokenLeak", 2000, since + timedelta(hours=1))
    told = moments(order, record)
    assert 300 < told[-1] < 320, "2,000, less the 96 that a turn holds, at 6 a second"
    for minute in range(5):
        assert 300 < sum(60 * minute <= each < 60 * (minute + 1) for each in told) < 460
    assert moments(order, record) == told, "whoever asks again is told the same"
    assert max(moments(order, record, writes=BucketLimits(burst=2000, rate=100))) < 1920 / 60
    few = replace(order, holders=96)
    assert set(moments(few, record)) == {0}
    soon = replace(order, until=since + timedelta(minutes=10))
    assert 230 < moments(soon, record)[-1] <= 240, "before half of the time is over, when those are named who have not"
    dead = replace(order, until=None)
    assert set(moments(dead, record)) == {0}


def test_who_is_told_later_is_told_to_ask_by_then() -> None:
    world = Simulation(is_cold=False)
    record = record_of(world, world.add("storefront", replaces=False))
    since = world.clock.now()
    order = MoveOrder(since, "tokenLeak", "/renewal/tokenLeak", 2000, since + timedelta(hours=1))
    moment = renewal_information(record, since, seed="s", order=order).window.end
    said = renewal_information(record, moment - timedelta(seconds=7), seed="s", order=order)
    assert said.retry_after == timedelta(seconds=7)
    assert SOONEST * 0.8 <= renewal_information(record, moment, seed="s", order=order).retry_after <= SOONEST * 1.2


def test_a_token_that_died_in_an_emergency_is_told_to_move_and_its_replacement_is_not() -> None:
    world = Simulation(is_cold=False)
    app = world.add(replaces=False)
    dead = record_of(world, app)
    world.run_until(world.start(mode=Mode.EMERGENCY))
    order = move_order(dead, world.journal.of(MAPS))
    assert order is not None
    assert order.until is None, "nobody is spared: what they hold is dead"
    app._replace()
    assert move_order(record_of(world, app), world.journal.of(MAPS)) is None
    assert world.data_plane.status(app.token) == 200


@pytest.mark.parametrize("minutes", [10, 15])
def test_nobody_is_told_a_moment_after_its_own_window_however_many_must_move(minutes: int) -> None:
    """5,000 holders take a quarter of an hour; a token that is a third of that old already has less."""
    world = Simulation(is_cold=False)
    record = record_of(world, world.add("storefront", replaces=False))
    since, life = world.clock.now(), timedelta(minutes=minutes)
    order = MoveOrder(since, "tokenLeak", "/renewal/tokenLeak", 5000, since + timedelta(hours=1))
    told = []
    for number in range(order.holders):
        start = since - life * (number % 10) / 10
        grant = replace(record.grant, start=start, expiry=start + life)
        said = renewal_information(replace(record, id=f"maps-demo.{number}", grant=grant), since, seed="s", order=order)
        assert said.window.end <= max(since, renewal_window(start, start + life).end), "what is over means now"
        told.append(said.window.end)
    assert len({round(each.timestamp()) for each in told if each > since}) > 100, "and yet not all at once"


def test_one_age_is_not_told_one_moment() -> None:
    """At the end of their common window they would come all at once, and Azure signs ten a second."""
    world = Simulation(is_cold=False)
    record = record_of(world, world.add("storefront", replaces=False))
    since, life = world.clock.now(), timedelta(minutes=15)
    grant = replace(record.grant, start=since, expiry=since + life)
    order = MoveOrder(since, "tokenLeak", "/renewal/tokenLeak", 5000, since + timedelta(hours=1))
    told = moments(order, replace(record, grant=grant))
    assert max(sum(10 * tens <= each < 10 * tens + 10 for each in told) for tens in range(60)) < 120


def test_what_somebody_else_has_killed_has_no_turn_to_wait_for() -> None:
    """The open run hits it too, and comes first; that it is dead says the history behind it."""
    kept = Upkept(Simulation(is_cold=False))
    app = kept.world.add(replaces=False)
    kept.let_pass(timedelta(minutes=5))
    kept.world.start()
    kept.let_pass(timedelta(minutes=2))
    alive = move_order(record_of(kept.world, app), kept.world.journal.of(MAPS))
    assert alive is not None
    assert alive.until is not None
    kept.world.azure.regenerate(SigningKey.PRIMARY)
    kept.let_pass(EVERY)
    runs = kept.world.journal.of(MAPS)
    newest = sorted(runs, key=lambda run: run.id.startswith("drift-"))
    assert [run.id.startswith("drift-") for run in newest] == [False, True]
    order = move_order(record_of(kept.world, app), newest)
    assert order is not None
    assert order.until is None


def test_what_a_lockdown_has_killed_has_no_turn_to_wait_for() -> None:
    world = Simulation(is_cold=False)
    app = world.add(replaces=False)
    world.start()
    world.let_pass(timedelta(minutes=2))
    now, record = world.clock.now(), record_of(world, app)
    lockdown = Lockdown("l", MAPS, Reason.KEY_COMPROMISE, {}, now, epoch=1, state=LockdownState.RELEASED, ended_at=now)
    order = order_for(record, world.journal.of(MAPS), [replace(lockdown, cuts=lockdown.dead_cuts(now))])
    assert order is not None
    assert (order.reason, order.until) == ("superseded", None)
