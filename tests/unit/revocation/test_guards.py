"""Each guard before a cut, where everything else has been passed: it alone holds."""

from datetime import timedelta

from sas_service.domain.runs import Revocation
from sas_service.domain.slots import SigningKey
from sas_service.domain.tokens import Grant
from tests.unit.revocation.test_hazards import without
from tests.unit.revocation.world import MAPS, Application, Simulation

MINUTE = timedelta(minutes=1)


def before_the_cut() -> tuple[Simulation, Revocation, Application]:
    """Everybody has moved but one, who is about to say so: the next tick would cut."""
    world = Simulation(is_cold=False)
    app = world.add(acknowledges=False)
    run = world.start()
    world.let_pass(MINUTE)
    return world, run, app


def acknowledge(world: Simulation, app: Application) -> None:
    world.replacing.acknowledge(app.id, app.caller, fingerprint=app.token.fingerprint, request_id="r")


def cut_anything(world: Simulation) -> bool:
    return bool(world.azure.sent)


def test_without_anything_wrong_the_next_tick_cuts() -> None:
    world, _run, app = before_the_cut()
    acknowledge(world, app)
    world.runner.tick(MAPS)
    assert cut_anything(world)


def test_an_account_that_was_switched_back_by_hand_is_not_cut() -> None:
    world, run, app = before_the_cut()
    acknowledge(world, app)
    world.slots.switch(
        MAPS, after_epoch=2, signing_key=SigningKey.PRIMARY, identities={"web": "web-a"}, fence=world.leases.fence(MAPS)
    )
    world.leases.bump(MAPS)
    world.let_pass(5 * MINUTE)
    assert not cut_anything(world)
    assert world.journal.read(run.id).waiting_code == "slots-moved"


def test_a_half_issued_token_holds_the_cut_also_if_nobody_waited_for_it_before() -> None:
    world = Simulation(is_cold=False)
    world.runner = without(world, "settle")
    held: list[bool] = []

    def revoke(_grant: Grant) -> None:
        world.signer.after_signing = lambda _grant: None
        world.start()
        for _ in range(5):
            world.clock.advance(timedelta(seconds=10))
            world.runner.tick(MAPS)
        held.append(not cut_anything(world))

    world.signer.after_signing = revoke
    world.add()
    assert held == [True]
    world.let_pass(MINUTE)
    assert cut_anything(world)


def test_an_unreplaced_token_holds_the_cut_also_if_nobody_waited_for_it_before() -> None:
    world = Simulation(is_cold=False)
    world.add(acknowledges=False)
    world.runner = without(world, "replace")
    run = world.start()
    world.let_pass(5 * MINUTE)
    assert not cut_anything(world)
    assert world.journal.read(run.id).waiting_code == "unreplaced-tokens"


def test_a_new_slot_that_stopped_working_holds_the_cut() -> None:
    world, run, app = before_the_cut()
    acknowledge(world, app)
    world.azure.roles["web-b"].set(frozenset(), world.clock.now())
    world.runner.tick(MAPS)
    world.let_pass(5 * MINUTE)
    assert not cut_anything(world)
    step = world.journal.read(run.id).step
    assert step is not None
    assert step.missing == "the new slot is not accepted everywhere"
