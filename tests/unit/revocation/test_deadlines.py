"""The deadline of an expedited run: holders have time after they are told, however late, and the plan says so."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sas_service.domain.errors import ActionNotAllowed, ReplanRequired
from sas_service.domain.iso8601 import format_duration
from sas_service.domain.plans import Asked
from sas_service.domain.revocations import Lever, Mode, OnDeadline, Reason, State, Target
from sas_service.domain.runs import Revocation
from sas_service.domain.slots import SigningKey
from tests.unit.revocation.test_shared import SharedSimulation
from tests.unit.revocation.world import ADMIN, MAPS, NOW, PACE, Simulation

MINUTE = timedelta(minutes=1)
ALL = Target("account", (MAPS,))
ASKED = Asked(Reason.TOKEN_LEAK, ALL, Mode.EXPEDITED, on_deadline=OnDeadline.PROCEED)
HEARD = timedelta(seconds=183)
"""A token of an hour is asked about every 150 s (it began a minute ago: 152.5), give or take a fifth."""


def asked(deadline: timedelta, *, counts: bool, mode: Mode = Mode.EXPEDITED) -> Asked:
    within = int(deadline.total_seconds()) if counts else None
    return replace(ASKED, deadline=NOW + deadline, within=within, mode=mode)


def stuck(*, is_cold: bool = False) -> Simulation:
    """A world whose one application never acknowledges."""
    world = Simulation(is_cold=is_cold)
    world.add(acknowledges=False)
    return world


def switched(run: Revocation) -> timedelta:
    assert run.switched is not None
    return run.switched - NOW


def cut_at(world: Simulation, run: Revocation) -> timedelta:
    while not world.journal.read(run.id).has_cut:
        world.tick()
    return world.clock.now() - NOW


def test_a_plan_whose_instant_has_passed_is_not_started() -> None:
    world = stuck()
    run = world.revoking.plan(asked(30 * MINUTE, counts=False), ADMIN)
    world.clock.advance(40 * MINUTE)
    with pytest.raises(ReplanRequired, match="The deadline, 2026-11-21T08:30:00Z, has passed since the plan"):
        world.revoking.start(run.id, ADMIN, plan_hash=run.plan.hash)
    assert world.azure.sent == []


def test_an_emergency_waits_for_nobody_so_its_deadline_says_nothing() -> None:
    world = stuck()
    run = world.revoking.plan(asked(30 * MINUTE, counts=False, mode=Mode.EMERGENCY), ADMIN)
    world.clock.advance(40 * MINUTE)
    assert world.revoking.start(run.id, ADMIN, plan_hash=run.plan.hash).state is State.RUNNING


def test_a_time_counts_from_the_switch_however_late_the_approval_was() -> None:
    world = stuck()
    run = world.revoking.plan(asked(10 * MINUTE, counts=True), ADMIN)
    world.let_pass(40 * MINUTE)
    started = world.revoking.start(run.id, ADMIN, plan_hash=run.plan.hash)
    assert started.until == world.clock.now() + 10 * MINUTE
    at = cut_at(world, run)
    told = switched(world.journal.read(run.id))
    assert told > 40 * MINUTE
    assert told + 10 * MINUTE <= at < told + 11 * MINUTE


def test_a_time_counts_from_the_switch_however_long_the_standby_took() -> None:
    world = stuck(is_cold=True)
    world.azure.delays = {"assign": 20 * MINUTE}
    run = world.start(within=10 * MINUTE, on_deadline=OnDeadline.PROCEED)
    at = cut_at(world, run)
    told = switched(world.journal.read(run.id))
    assert told >= 20 * MINUTE
    assert told + 10 * MINUTE <= at < told + 11 * MINUTE


def test_so_does_the_time_that_nobody_asked_for() -> None:
    world = Simulation(pace=replace(PACE, deadline=10 * MINUTE))
    world.add(acknowledges=False)
    world.azure.delays = {"assign": 20 * MINUTE}
    run = world.run_until(world.start(), State.WAITING, ticks=400)
    assert run.until is not None
    assert run.until - NOW == switched(run) + 10 * MINUTE


def test_it_is_moved_to_later_than_it_is_since_the_switch() -> None:
    world = stuck(is_cold=True)
    world.azure.delays = {"assign": 20 * MINUTE}
    run = world.start(within=30 * MINUTE)
    while (run := world.journal.read(run.id)).switched is None:
        world.tick()
    assert run.until is not None
    assert run.until > NOW + 45 * MINUTE
    with pytest.raises(ActionNotAllowed):
        world.revoking.extend(run.id, ADMIN, deadline=run.until - MINUTE)
    later = world.revoking.extend(run.id, ADMIN, deadline=run.until + MINUTE)
    assert later.until == run.until + MINUTE


def test_an_instant_stays_but_nobody_is_cut_before_all_have_asked_once_since_the_switch() -> None:
    world = stuck(is_cold=True)
    world.azure.delays = {"assign": 20 * MINUTE}
    run = world.start(deadline=15 * MINUTE, on_deadline=OnDeadline.PROCEED)
    while world.journal.read(run.id).switched is None:
        world.tick()
    held = world.journal.read(run.id)
    told = switched(held)
    assert told > 15 * MINUTE
    world.tick()
    held = world.journal.read(run.id)
    assert (held.state, held.until) == (State.RUNNING, NOW + 15 * MINUTE)
    assert held.step is not None
    assert "whoever has not asked since the switch may until" in held.step.missing
    late = [line for line in world.mirror.lines() if '"consumersLate"' in line]
    assert ['"percent":100' in line for line in late] == [True]
    at = cut_at(world, run)
    assert told + HEARD <= at < told + HEARD + MINUTE
    done = world.run_until(run)
    assert len(done.casualties) == 1


def test_an_instant_that_left_everybody_time_is_kept_to_the_tick() -> None:
    world = stuck()
    run = world.start(deadline=15 * MINUTE, on_deadline=OnDeadline.PROCEED)
    assert 15 * MINUTE <= cut_at(world, run) < 16 * MINUTE


def test_a_person_may_cut_before_all_have_asked() -> None:
    world = stuck()
    run = world.start(within=30 * MINUTE, on_deadline=OnDeadline.PROCEED)
    world.let_pass(MINUTE)
    world.revoking.commit(run.id, ADMIN)
    assert cut_at(world, run) < switched(world.journal.read(run.id)) + HEARD


def test_the_late_are_called_by_name_also_where_the_deadline_was_over_before_they_were_told() -> None:
    world = stuck(is_cold=True)
    world.azure.delays = {"assign": 20 * MINUTE}
    world.run_until(world.start(deadline=15 * MINUTE), State.WAITING, ticks=400)
    told = [line for line in world.mirror.lines() if '"consumersLate"' in line]
    assert len(told) == 1
    assert '"percent":100' in told[0]
    assert world.azure.generation(SigningKey.PRIMARY) == 1


@pytest.mark.parametrize(
    ("deadline", "counts", "is_cold", "numbers"),
    [
        (2 * MINUTE, True, False, "need PT3M3S, and have PT2M: what has not moved by then dies"),
        (4 * MINUTE, True, True, None),  # the standby's ten minutes are before the switch
        (4 * MINUTE, False, True, "need PT13M13S, and have PT4M: what has not moved by then dies"),
        (4 * MINUTE, False, False, None),
    ],
)
def test_a_plan_warns_of_too_little_time(deadline: timedelta, counts: bool, is_cold: bool, numbers: str | None) -> None:
    plan = stuck(is_cold=is_cold).planning.plan(asked(deadline, counts=counts))
    warned = [each for each in plan.warnings if "until the last has moved" in each]
    assert len(warned) == (numbers is not None)
    assert all(each.endswith(numbers or "") for each in warned)


def test_a_shared_token_is_expected_to_expire_as_it_will() -> None:
    world = SharedSimulation(is_cold=False)
    old = world.get().issued.record
    left = old.grant.expiry - NOW
    plan = world.planning.plan(asked(30 * MINUTE, counts=True))
    assert left <= plan.chosen.expected <= left + 15 * MINUTE
    assert any(f"need {format_duration(left)}, and have PT30M" in each for each in plan.warnings)
    enough = world.planning.plan(asked(left, counts=True))
    assert not any("until the last has moved" in each for each in enough.warnings)


def test_whom_a_run_stops_is_not_expected_to_be_waited_for_either() -> None:
    world = SharedSimulation(is_cold=False)
    world.get()
    team = Target("team", ("storefront",))
    leaving = replace(asked(30 * MINUTE, counts=True), reason=Reason.OFFBOARDING, target=team, lever=Lever.BOTH)
    plan = world.planning.plan(leaving)
    assert plan.chosen.expected < 30 * MINUTE
    assert not any("until the last has moved" in each for each in plan.warnings)
