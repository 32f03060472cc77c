"""The hazards that are designed out, each beside what happens without its measure."""

from collections import deque
from dataclasses import replace
from datetime import timedelta

import pytest

from sas_service.adapters.memory import Fault
from sas_service.adapters.memory.azure import Sent
from sas_service.adapters.memory.azure_ports import own_role
from sas_service.domain.errors import InvalidRequest, LeaseLost, NotFound, PlanBlocked, RevisionConflict
from sas_service.domain.plans import Asked
from sas_service.domain.revocations import Lever, Mode, Reason, State, Target
from sas_service.domain.slots import SigningKey
from sas_service.domain.tokens import Grant, TokenState
from sas_service.playbooks import PLAYBOOKS
from sas_service.ports import Lease
from sas_service.services.run_playbook import PlaybookRunner
from sas_service.steps.run import Run
from sas_service.steps.step import Seen
from tests.unit.revocation.world import ADMIN, MAPS, PACE, Application, Simulation

MINUTE = timedelta(minutes=1)


def without(world: Simulation, name: str) -> PlaybookRunner:
    """A runner whose playbooks believe that the step ``name`` is done before it begins."""
    playbooks = {
        lever: tuple(replace(each, done=lambda _run: Seen(done=True)) if each.name == name else each for each in steps)
        for lever, steps in PLAYBOOKS.items()
    }
    return PlaybookRunner(world.world, world.leases, holder="careless", playbooks=playbooks)


@pytest.mark.parametrize(("skipped", "refused"), [(None, False), ("prove-standby", True)])
def test_a_role_takes_time_so_the_new_slot_is_probed_and_not_trusted(skipped: str | None, refused: bool) -> None:
    world = Simulation()
    world.azure.delays = {"assign": MINUTE}
    world.add()
    if skipped:
        world.runner = without(world, skipped)
    run = world.start()
    world.let_pass(5 * MINUTE)
    assert bool(world.refusals()) is refused
    assert world.journal.read(run.id).state is State.COMPLETED


@pytest.mark.parametrize(("patience", "sent"), [(PACE.regenerate_again_after, 1), (timedelta(), 3)])
def test_regenerate_is_sent_once_and_judged_by_the_key(patience: timedelta, sent: int) -> None:
    world = Simulation(pace=replace(PACE, regenerate_again_after=patience))
    world.add()
    world.azure.faults = {"regenerate": deque([Fault.LATE, Fault.RESET, Fault.LOST])}
    run = world.start()
    for _ in range(20):
        world.tick()
        if len([each for each in world.azure.sent if each.operation == "regenerate"]) == sent:
            break
    world.azure.land()
    world.run_until(run)
    assert len([each for each in world.azure.sent if each.operation == "regenerate"]) == sent
    assert world.refusals() == []


@pytest.mark.parametrize(("quarantine", "refused"), [(timedelta(minutes=10), False), (timedelta(), True)])
def test_a_regeneration_that_lands_in_the_next_run_finds_nothing_to_kill(quarantine: timedelta, refused: bool) -> None:
    world = Simulation(pace=replace(PACE, quarantine=quarantine))
    world.add()
    world.azure.faults = {"regenerate": deque([Fault.LATE])}
    world.run_until(world.start())
    try:
        second = world.start()
    except PlanBlocked as blocked:
        # The request dies out within the quarantine; then the way back is free.
        world.azure.land()
        world.let_pass(blocked.retry_after or timedelta())
        second = world.start()
    world.run_until(second)
    world.azure.land()
    world.look()
    assert bool(world.refusals()) is refused


@pytest.mark.parametrize(("checks_epochs", "status"), [(True, 200), (False, 401)])
def test_an_issue_that_began_before_the_switch_ends_in_the_new_slot(checks_epochs: bool, status: int) -> None:
    world = Simulation(checks_epochs=checks_epochs, is_cold=False)

    def revoke(_grant: Grant) -> None:
        world.signer.after_signing = lambda _grant: None
        world.start(mode=Mode.EMERGENCY)
        world.runner.tick(MAPS)

    world.signer.after_signing = revoke
    app = world.add()
    assert world.azure.generation(SigningKey.PRIMARY) == 2
    assert world.data_plane.status(app.token) == status


def _compare_names(world: Simulation) -> None:
    """What looks right and is not: the key that signed is the active one, so the token must be good."""

    def by_name(record: object) -> None:
        grant = getattr(record, "grant", None)
        assert isinstance(grant, Grant)
        assert world.slots.read(MAPS).signing_key is grant.signing_key

    world.log._check_epoch = by_name  # type: ignore[method-assign]  # the careless variant


@pytest.mark.parametrize(("careless", "status"), [(False, 200), (True, 401)])
def test_the_same_key_name_active_again_is_another_epoch(careless: bool, status: int) -> None:
    world = Simulation(pace=replace(PACE, quarantine=timedelta()), is_cold=False)
    if careless:
        _compare_names(world)

    def there_and_back(_grant: Grant) -> None:
        world.signer.after_signing = lambda _grant: None
        for _ in range(2):
            world.run_until(world.start(lever=Lever.KEY, mode=Mode.EMERGENCY), ticks=5)

    world.signer.after_signing = there_and_back
    app = world.add()
    assert world.slots.read(MAPS).signing_key is SigningKey.PRIMARY
    assert world.data_plane.status(app.token) == status


@pytest.mark.parametrize(("checks_fences", "epoch"), [(True, 1), (False, 2)])
def test_a_paused_worker_that_wakes_up_switches_nothing(checks_fences: bool, epoch: int) -> None:
    world = Simulation(checks_fences=checks_fences)
    real = world.slots.switch

    def asleep(account: str, **wanted: object) -> object:
        world.slots.switch = real  # type: ignore[method-assign]
        world.revoking.abort(run.id, ADMIN)
        world.clock.advance(2 * world.pace.lease)
        world.runner = world.new_runner()
        world.run_until(run, State.ABORTED, ticks=20)
        return real(account, **wanted)  # type: ignore[arg-type]

    world.slots.switch = asleep  # type: ignore[method-assign, assignment]  # the pause
    run = world.start()
    for _ in range(10):
        world.tick()
    assert world.journal.read(run.id).state is State.ABORTED
    assert world.slots.read(MAPS).epoch == epoch


def test_a_paused_worker_that_wakes_up_before_its_intent_sends_nothing() -> None:
    world = Simulation(is_cold=False)
    app = world.add(acknowledges=False)
    run = world.start()
    world.let_pass(MINUTE)
    # It has read everything, and falls asleep with a long lease.
    lease = Lease(MAPS, "sleeper", world.leases.fence(MAPS), world.clock.now() + 9 * MINUTE)
    sleeping = Run(world.world, lease, world.journal.read(run.id))
    world.replacing.acknowledge(app.id, app.caller, fingerprint=app.token.fingerprint, request_id="r")
    world.leases.bump(MAPS)
    world.run_until(run)
    sent = len(world.azure.sent)
    cut = next(each for each in PLAYBOOKS[Lever.BOTH] if each.name == "regenerate-key")
    assert cut.do is not None
    with pytest.raises((LeaseLost, RevisionConflict)):
        cut.do(sleeping)
    assert len(world.azure.sent) == sent


def test_nothing_is_sent_under_a_lease_that_may_end_during_the_call() -> None:
    world = Simulation()
    run = world.start()
    entry = world.journal.read(run.id)
    short = Run(world.world, Lease(MAPS, "late", 0, world.clock.now() + world.pace.call_deadline), entry)
    with pytest.raises(LeaseLost):
        PLAYBOOKS[Lever.BOTH][0].do(short)  # type: ignore[misc]
    assert world.azure.sent == []


def test_an_identity_whose_tokens_could_revive_does_not_get_its_role_back() -> None:
    world = Simulation()
    app = world.add()
    old = app.token
    world.run_until(world.start(lever=Lever.ROLE, target=Target("profile", ("web",))))
    assert world.data_plane.status(old) == 403
    world.let_pass(11 * MINUTE)
    plan = world.revoking.plan(replace_lever(Lever.ROLE, "web"), ADMIN).plan
    assert [each.until for each in plan.obstacles] == [world.log.token(f"{MAPS}.{_first(world)}").grant.expiry]  # type: ignore[union-attr]
    # Without the measure: the role comes back, and so does what was revoked.
    world.azure.set_up("web-a", "Azure Maps Data Reader")
    assert world.data_plane.status(old) == 200


def replace_lever(lever: Lever, profile: str) -> Asked:
    return Asked(Reason.TOKEN_LEAK, Target("profile", (profile,)), Mode.EXPEDITED, lever)


def _first(world: Simulation) -> str:
    records = world.log.unexpired(MAPS, world.clock.now())
    return min(record.id for record in records).rpartition(".")[2]


def test_a_patch_that_drops_another_operators_identity_stops_the_run_until_a_person_has_looked() -> None:
    world = Simulation()
    world.add()
    world.azure.drops_others = True
    run = world.run_until(world.start(), State.WAITING)
    assert run.waiting_code is not None
    assert run.waiting_code.startswith("others-changed")
    assert world.slots.read(MAPS).epoch == 1
    world.azure.drops_others = False
    world.revoking.resume(run.id, ADMIN)
    assert world.run_until(run).state is State.COMPLETED


def test_local_auth_flipped_beside_our_change_stops_the_run() -> None:
    world = Simulation()
    world.add()

    def flip(_sent: Sent) -> None:
        world.azure.local_auth_disabled = True

    world.azure.after_effect = flip
    assert (world.run_until(world.start(), State.WAITING).waiting_code or "").startswith("others-changed")


@pytest.mark.parametrize("late", range(50))
def test_one_of_fifty_never_acknowledges_so_nothing_is_cut_and_it_is_named(late: int) -> None:
    world = Simulation(is_cold=False, pace=replace(PACE, proof_rounds=1, proof_span=timedelta()))
    for number in range(50):
        world.add("storefront", number, acknowledges=number != late)
    run = world.run_until(world.start(deadline=2 * MINUTE), State.WAITING, ticks=30)
    world.tick()
    assert run.waiting_code == "consumers-late"
    assert run.waiting_for is not None
    assert run.waiting_for.endswith(f"1 of 50 have not moved: storefront/storefront-{late}/web")
    assert world.revoking.consumers(run.id).names == (f"storefront/storefront-{late}/web",)
    assert [each.operation for each in world.azure.sent] == []
    assert world.refusals() == []


def test_a_forced_commit_is_what_the_waiting_prevents() -> None:
    world = Simulation(is_cold=False)
    app = world.add(replaces=False)
    run = world.run_until(world.start(deadline=MINUTE), State.WAITING)
    world.revoking.commit(run.id, ADMIN)
    done = world.run_until(run)
    assert world.refusals() != []
    assert done.casualties == {app.id}


def _moved_app(world: Simulation, number: int) -> tuple[Application, str]:
    app = world.add("storefront", number, acknowledges=False)
    old = app.id
    world.slots.switch(
        MAPS,
        after_epoch=1,
        signing_key=SigningKey.SECONDARY,
        identities={"web": "web-b"},
        fence=world.leases.fence(MAPS),
    )
    app.turn()
    return app, old


def test_nobody_acknowledges_for_somebody_else() -> None:
    world = Simulation(is_cold=False)
    other = world.add("storefront", 1)
    app, old = _moved_app(world, 0)
    mark = app.token.fingerprint
    with pytest.raises(NotFound):
        world.replacing.acknowledge(app.id, other.caller, fingerprint=mark, request_id="r")
    with pytest.raises(InvalidRequest):
        world.replacing.acknowledge(app.id, app.caller, fingerprint=other.token.fingerprint, request_id="r")
    assert world.acknowledgements.of(MAPS) == {}
    world.replacing.acknowledge(app.id, app.caller, fingerprint=mark, request_id="r")
    assert set(world.acknowledgements.of(MAPS)) == {old}


def test_a_key_regenerated_by_hand_in_the_middle_holds_the_cut() -> None:
    world = Simulation(is_cold=False)
    world.add(acknowledges=False)
    run = world.start()
    world.let_pass(MINUTE)
    world.azure.regenerate(SigningKey.SECONDARY)
    world.applications[0].acknowledges = True
    world.applications[0]._replace()
    held = world.run_until(run, State.WAITING)
    assert (held.waiting_code or "").startswith("key-changed")
    assert world.azure.generation(SigningKey.PRIMARY) == 1


def test_an_inherited_assignment_takes_the_role_lever_away() -> None:
    world = Simulation()
    world.add()
    world.azure.inherited["principal-web-a"] = (own_role(MAPS, "principal-web-a", "Reader", inherited=True),)
    planned = world.revoking.plan(replace_lever(Lever.ROLE, "web"), ADMIN)
    assert planned.state is State.BLOCKED
    assert "would keep its role" in planned.plan.obstacles[0].what
    assert planned.plan.recommended == "key"


def test_an_inherited_assignment_that_appears_during_the_run_is_named() -> None:
    world = Simulation()
    world.add()
    run = world.start(lever=Lever.ROLE, target=Target("profile", ("web",)))
    world.azure.inherited["principal-web-a"] = (own_role(MAPS, "principal-web-a", "Reader", inherited=True),)
    held = world.run_until(run, State.WAITING)
    assert held.waiting_code == "inherited-role"
    world.azure.inherited.clear()
    assert world.run_until(run).state is State.COMPLETED


@pytest.mark.parametrize("writes", [1, 2, 3, 4, 5, 6])
def test_lost_journal_writes_around_the_regeneration_only_repeat_it(writes: int) -> None:
    world = Simulation()
    app = world.add()
    run = world.start()
    while world.azure.generation(SigningKey.PRIMARY) == 1:
        world.tick()
    world.journal.roll_back(run.id, writes)
    world.runner = world.new_runner()
    world.run_until(run)
    assert world.refusals() == []
    record = world.log.token(app.id)
    assert record is not None
    assert record.state is TokenState.LIVE
