"""The playbooks from start to end over the twins: nobody is refused, and what was cut is dead."""

from collections import deque
from dataclasses import replace
from datetime import timedelta

import pytest

from sas_service.adapters.memory import Fault
from sas_service.domain.revocations import Lever, Mode, State
from sas_service.domain.slots import SigningKey
from sas_service.domain.tokens import TokenRequest
from tests.unit.revocation.world import PACE, Simulation, application


@pytest.mark.parametrize("lever", list(Lever))
@pytest.mark.parametrize("cold", [True, False], ids=["cold", "warm"])
def test_an_expedited_run_moves_everybody_and_nobody_is_refused(lever: Lever, cold: bool) -> None:
    world = Simulation(is_cold=cold)
    world.azure.delays = {"assign": timedelta(seconds=60), "attach": timedelta(seconds=20)}
    apps = [world.add("storefront", number) for number in range(3)] + [world.add("logistics")]
    before = [app.token for app in apps]
    done = world.run_until(world.start(lever=lever))
    assert done.state is State.COMPLETED
    assert world.refusals() == []
    assert {world.data_plane.status(token) for token in before} <= {401, 403}
    assert done.casualties == frozenset()
    assert done.canaries == {}


def test_there_and_back_again() -> None:
    world = Simulation()
    app = world.add()
    world.add("logistics")
    first = world.run_until(world.start())
    assert world.slots.read("maps-demo").signing_key is SigningKey.SECONDARY
    world.let_pass(timedelta(minutes=11))
    second = world.run_until(world.start())
    assert world.slots.read("maps-demo").signing_key is SigningKey.PRIMARY
    assert world.slots.read("maps-demo").identities["web"] == "web-a"
    assert (first.state, second.state) == (State.COMPLETED, State.COMPLETED)
    assert world.refusals() == []
    assert world.data_plane.status(app.token) == 200


def test_graceful_waits_for_the_last_expiry() -> None:
    world = Simulation()
    app = world.add(replaces=False)
    run = world.start(mode=Mode.GRACEFUL)
    world.let_pass(timedelta(minutes=30))
    assert world.azure.generation(SigningKey.PRIMARY) == 1
    assert world.refusals() == []
    world.applications.remove(app)
    world.run_until(run, ticks=300)
    assert world.azure.generation(SigningKey.PRIMARY) == 2


def test_an_emergency_with_a_warm_standby_cuts_in_its_first_tick_with_the_casualties_on_record() -> None:
    world = Simulation(is_cold=False)
    app = world.add()
    run = world.start(mode=Mode.EMERGENCY)
    world.runner.tick("maps-demo")
    assert world.azure.generation(SigningKey.PRIMARY) == 2
    assert world.journal.read(run.id).casualties == {app.id}
    kinds = [line for line in world.mirror.lines() if '"casualties"' in line or "azureWriteIntended" in line]
    assert '"casualties"' in kinds[0]


def test_a_process_that_slept_through_the_run_issues_from_the_new_slot() -> None:
    world = Simulation()
    world.add()
    asleep = world.issuing
    world.issuing = world._issuing()
    world.replacing = world._replacing()
    world.run_until(world.start())
    issued = asleep.issue(TokenRequest("web"), application("storefront", 0), request_id="r")
    assert world.data_plane.status(issued.token) == 200


def test_a_step_that_takes_too_long_calls_a_person_and_is_tried_on() -> None:
    world = Simulation()
    world.add()
    world.azure.faults = {"attach": deque([Fault.REFUSED] * 200)}
    run = world.run_until(world.start(), State.WAITING, ticks=300)
    assert run.waiting_code == "takes-too-long"
    assert world.run_until(run, ticks=400).state is State.COMPLETED


def test_consumers_have_a_deadline_also_where_nobody_named_one() -> None:
    world = Simulation(is_cold=False, pace=replace(PACE, deadline=timedelta(minutes=10)))
    world.add(acknowledges=False)
    run = world.run_until(world.start(), State.WAITING)
    assert run.waiting_code == "consumers-late"
