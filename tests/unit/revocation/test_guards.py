"""Each guard before a cut, where everything else has been passed: it alone holds."""

from datetime import timedelta

import pytest

from sas_service.domain.revocations import Lever, Mode, Reason, State, Target
from sas_service.domain.runs import Revocation
from sas_service.domain.slots import SigningKey
from sas_service.domain.tokens import Grant
from tests.unit.revocation.test_hazards import without
from tests.unit.revocation.world import ADMIN, MAPS, Application, Simulation

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


@pytest.mark.parametrize("lever", [Lever.KEY, Lever.BOTH])
def test_a_run_that_is_resumed_after_the_new_key_was_made_anew_goes_on_with_canaries_of_the_new_generation(
    lever: Lever,
) -> None:
    world = Simulation(is_cold=False)
    app = world.add(acknowledges=False)
    run = world.start(lever=lever)
    world.let_pass(MINUTE)
    acknowledge(world, app)
    world.azure.regenerate(SigningKey.SECONDARY)
    waiting = world.run_until(run, State.WAITING)
    assert str(waiting.waiting_code).startswith("key-changed:")
    world.revoking.resume(run.id, ADMIN)
    world.run_until(run)


def test_a_pause_accepts_nothing_of_what_the_run_waited_for() -> None:
    world = Simulation(is_cold=False)
    app = world.add(acknowledges=False)
    run = world.start()
    world.let_pass(MINUTE)
    acknowledge(world, app)
    world.azure.regenerate(SigningKey.SECONDARY)
    code = world.run_until(run, State.WAITING).waiting_code
    world.revoking.pause(run.id, ADMIN)
    world.revoking.resume(run.id, ADMIN)
    again = world.run_until(run, State.WAITING)
    assert (again.waiting_code, again.accepted) == (code, frozenset())


def test_a_new_key_made_anew_after_the_cut_calls_a_person_and_is_not_taken_for_a_proof() -> None:
    world = Simulation(is_cold=False)
    world.add()
    run = world.start()
    while not (step := world.journal.read(run.id).step) or step.name != "prove-revoked":
        world.tick()
    world.azure.regenerate(SigningKey.SECONDARY)
    assert str(world.run_until(run, State.WAITING).waiting_code).startswith("key-changed:")
    world.revoking.resume(run.id, ADMIN)
    assert world.run_until(run, State.WAITING).waiting_code == "revocation-not-provable"
    world.revoking.resume(run.id, ADMIN)
    world.run_until(run)


def test_an_identity_that_somebody_took_off_before_the_cut_is_cut_on_a_persons_word() -> None:
    world = Simulation(is_cold=False)
    app = world.add()
    world.azure.attached["web-a"].set(False, world.clock.now())
    run = world.start(lever=Lever.ROLE, target=Target("identity", ("web-a",)))
    waiting = world.run_until(run, State.WAITING, ticks=400)
    assert waiting.waiting_code == "old-identity:web-a"
    assert app.name not in world.revoking.consumers(run.id).names
    world.revoking.resume(run.id, ADMIN)
    world.run_until(run)
    assert world.azure.roles["web-a"].value == frozenset()


@pytest.mark.parametrize("trouble", ["detached", "without a role"])
def test_a_profile_that_does_not_work_anyway_does_not_keep_a_stolen_key_alive(trouble: str) -> None:
    world = Simulation(is_cold=False)
    app = world.add()
    if trouble == "detached":
        world.azure.attached["batch-a"].set(False, world.clock.now())
    else:
        world.azure.roles["batch-a"].set(frozenset(), world.clock.now())
    stolen = Target("signingKey", ("primaryKey",), MAPS)
    run = world.start(lever=Lever.KEY, mode=Mode.EMERGENCY, reason=Reason.KEY_COMPROMISE, target=stolen)
    assert any("batch-a signs now" in each for each in run.plan.warnings)
    world.run_until(run)
    assert world.azure.generation(SigningKey.PRIMARY) == 2
    app.turn()
    assert world.data_plane.status(app.token) == 200
