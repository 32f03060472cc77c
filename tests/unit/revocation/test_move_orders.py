"""Renewal information during a run: now for whom it concerns, as ever for everybody else."""

from datetime import timedelta

import pytest

from sas_service.domain.move_orders import move_order
from sas_service.domain.renewal import SOONEST, renewal_information
from sas_service.domain.revocations import Lever, Mode, Reason, Target
from sas_service.domain.tokens import TokenRecord
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
        now = world.clock.now()
        said = renewal_information(record_of(world, app), now, seed="s", order=order)
        assert said.window.end <= now
        assert (said.reason, said.explanation) == ("tokenLeak", "/renewal/tokenLeak")
        assert SOONEST * 0.8 <= said.retry_after <= SOONEST * 1.2


def test_a_token_that_died_in_an_emergency_is_told_to_move_and_its_replacement_is_not() -> None:
    world = Simulation(is_cold=False)
    app = world.add(replaces=False)
    dead = record_of(world, app)
    world.run_until(world.start(mode=Mode.EMERGENCY))
    assert move_order(dead, world.journal.of(MAPS)) is not None
    app._replace()
    assert move_order(record_of(world, app), world.journal.of(MAPS)) is None
    assert world.data_plane.status(app.token) == 200
