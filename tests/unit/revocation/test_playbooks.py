"""The playbooks from start to end over the twins: nobody is refused, and what was cut is dead."""

from datetime import timedelta

import pytest

from sas_service.domain.revocations import Lever, Mode, State
from sas_service.domain.slots import SigningKey
from tests.unit.revocation.world import Simulation


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
