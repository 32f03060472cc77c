"""What people may do to a run, when, and what comes of it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sas_service.domain.errors import ActionNotAllowed, NotFound, RunInProgress
from sas_service.domain.plans import Asked
from sas_service.domain.policy import Approvals
from sas_service.domain.revocations import LEGAL, Action, Lever, Mode, OnDeadline, Reason, State, Target
from sas_service.domain.runs import Revocation, allowed_actions
from sas_service.domain.slots import SigningKey
from sas_service.ports import Suspension
from tests.unit.revocation.world import ADMIN, APPROVER, MAPS, NOW, PACE, Simulation

MINUTE = timedelta(minutes=1)
ASKED = Asked(Reason.SUPERSEDED, Target("account", (MAPS,)), Mode.EXPEDITED)


def stuck() -> Simulation:
    """A world whose one application never acknowledges."""
    world = Simulation()
    world.add(acknowledges=False)
    return world


def test_every_state_says_what_is_legal_and_the_last_ones_allow_nothing() -> None:
    assert set(LEGAL) == set(State)
    assert {state for state, actions in LEGAL.items() if not actions} == {
        State.COMPLETED,
        State.ABORTED,
        State.EXPIRED,
    }


def test_a_plan_expires() -> None:
    world = stuck()
    run = world.revoking.plan(ASKED, ADMIN)
    world.clock.advance(world.pace.plan_lifetime)
    assert world.revoking.read(run.id).state is State.EXPIRED
    with pytest.raises(ActionNotAllowed):
        world.revoking.start(run.id, ADMIN, plan_hash=run.plan.hash)


def test_a_second_pair_of_eyes_cannot_be_the_planners() -> None:
    world = stuck()
    world.policies.policy = replace(world.policies.policy, approvals=Approvals(needed=1))
    revoking = world.revoking
    run = revoking.plan(ASKED, ADMIN)
    with pytest.raises(ActionNotAllowed):
        revoking.start(run.id, ADMIN, plan_hash=run.plan.hash)
    with pytest.raises(ActionNotAllowed):
        revoking.approve(run.id, ADMIN, plan_hash=run.plan.hash)
    revoking.approve(run.id, APPROVER, plan_hash=run.plan.hash)
    assert revoking.start(run.id, ADMIN, plan_hash=run.plan.hash).state is State.RUNNING


def test_a_paused_run_does_nothing_until_it_is_resumed() -> None:
    world = stuck()
    run = world.start()
    world.revoking.pause(run.id, ADMIN)
    world.let_pass(5 * MINUTE)
    assert world.azure.sent == []
    world.revoking.resume(run.id, ADMIN)
    world.let_pass(MINUTE)
    assert world.azure.sent != []


def test_one_run_per_account_unless_a_more_urgent_one_adopts_it() -> None:
    world = stuck()
    first = world.start()
    world.let_pass(2 * MINUTE)
    with pytest.raises(RunInProgress) as refused:
        world.start()
    assert refused.value.extra["running"] == first.id
    urgent = world.start(mode=Mode.EMERGENCY, reason=Reason.KEY_COMPROMISE, lever=Lever.KEY, target=_primary())
    adopted = world.journal.read(first.id)
    assert (adopted.state, adopted.preempted_by) == (State.ABORTED, urgent.id)
    assert world.run_until(urgent).state is State.COMPLETED
    assert world.azure.generation(SigningKey.PRIMARY) == 2
    assert world.refusals() == []


def _primary() -> Target:
    return Target("signingKey", (SigningKey.PRIMARY.value,), MAPS)


def test_after_the_first_cut_nothing_preempts_and_nothing_aborts() -> None:
    world = Simulation()
    world.add()
    run = world.start()
    world.data_plane.statuses = []
    while not world.journal.read(run.id).has_cut:
        world.tick()
    assert Action.ABORT not in allowed_actions(world.journal.read(run.id), world.clock.now())
    with pytest.raises(ActionNotAllowed):
        world.revoking.abort(run.id, ADMIN)


def test_an_abort_walks_back_and_nobody_is_refused() -> None:
    world = stuck()
    run = world.start()
    world.let_pass(2 * MINUTE)
    assert world.slots.read(MAPS).signing_key is SigningKey.SECONDARY
    world.revoking.abort(run.id, ADMIN)
    world.run_until(run, State.ABORTED)
    slots = world.slots.read(MAPS)
    assert (slots.epoch, slots.signing_key, slots.identities["web"]) == (3, SigningKey.PRIMARY, "web-a")
    # The application has moved already: its token hangs on the new identity, which therefore keeps its role.
    assert world.azure.roles["web-b"].value
    assert not world.azure.roles["batch-b"].value
    assert "batch-b" not in world.azure.principals()
    world.let_pass(5 * MINUTE)
    assert world.refusals() == []


def test_after_an_abort_the_same_can_be_planned_and_done() -> None:
    world = stuck()
    run = world.start()
    world.let_pass(2 * MINUTE)
    world.revoking.abort(run.id, ADMIN)
    world.run_until(run, State.ABORTED)
    world.applications[0].acknowledges = True
    world.let_pass(11 * MINUTE)
    world.run_until(world.start(target=Target("signingKey", ("primaryKey",), MAPS), lever=Lever.KEY))
    assert world.refusals() == []


@pytest.mark.parametrize(
    ("on_deadline", "state", "cut"),
    [
        (OnDeadline.HOLD, State.WAITING, False),
        (OnDeadline.PROCEED, State.COMPLETED, True),
        (OnDeadline.ABORT, State.ABORTED, False),
    ],
)
def test_the_deadline_decides(on_deadline: OnDeadline, state: State, cut: bool) -> None:
    world = stuck()
    run = world.start(deadline=3 * MINUTE, on_deadline=on_deadline)
    done = world.run_until(run, state)
    assert (world.azure.generation(SigningKey.PRIMARY) == 2) is cut
    assert bool(done.casualties) is cut


def test_the_late_are_called_by_name_at_50_80_and_100_per_cent() -> None:
    world = stuck()
    world.run_until(world.start(deadline=10 * MINUTE), State.WAITING)
    told = [line for line in world.mirror.lines() if '"consumersLate"' in line]
    assert [f'"percent":{percent}' in line for percent, line in zip((50, 80, 100), told, strict=True)] == [True] * 3
    assert all("storefront/storefront-0/web" in line for line in told)


def test_more_time_or_an_excuse_by_name_lets_the_run_go_on() -> None:
    world = stuck()
    run = world.run_until(world.start(deadline=2 * MINUTE), State.WAITING)
    world.revoking.extend(run.id, ADMIN, deadline=world.clock.now() + 10 * MINUTE)
    world.run_until(run, State.RUNNING)
    with pytest.raises(NotFound):
        world.revoking.excuse(run.id, ADMIN, consumer="storefront/somebody/web")
    world.revoking.excuse(run.id, ADMIN, consumer="storefront/storefront-0/web")
    assert world.run_until(run).state is State.COMPLETED


def test_a_deadline_only_moves_to_later() -> None:
    world = stuck()
    run = world.start(deadline=5 * MINUTE)
    with pytest.raises(ActionNotAllowed):
        world.revoking.extend(run.id, ADMIN, deadline=NOW + MINUTE)


@pytest.mark.parametrize("stopped", ["suspended", "offboarded"])
def test_nobody_waits_for_whom_the_run_is_to_stop(stopped: str) -> None:
    world = Simulation()
    thief = world.add("storefront", 0, replaces=False)
    honest = world.add("logistics")
    if stopped == "suspended":
        world.suspensions.put(Suspension("team", "storefront", "thief", {}, NOW), [MAPS])
    reason = Reason.OFFBOARDING if stopped == "offboarded" else Reason.TOKEN_LEAK
    done = world.run_until(world.start(reason=reason, target=Target("team", ("storefront",))))
    assert done.casualties == {thief.id}
    assert honest.refused == []


def test_a_proof_that_does_not_come_waits_for_a_person_and_says_so() -> None:
    world = Simulation()
    world.add()
    world.data_plane.down = {"https://atlas.microsoft.com"}
    run = world.start()
    held = world.run_until(run, State.WAITING, ticks=400)
    assert held.waiting_code == "standby-not-proven"
    assert '"revocationWaits"' in "".join(world.mirror.lines())
    world.data_plane.down = set()
    assert world.run_until(run).state is State.COMPLETED


def test_what_is_still_accepted_is_never_called_revoked() -> None:
    world = Simulation()
    world.add()
    run = world.start()
    world.azure.delays = {"regenerate": timedelta(hours=5), "detach": timedelta(hours=5), "remove": timedelta(hours=5)}
    held = world.run_until(run, State.WAITING, ticks=400)
    assert held.waiting_code == "still-accepted"
    assert held.step is not None
    assert held.step.name == "prove-revoked"


def test_a_canary_that_expired_before_it_was_refused_proves_nothing() -> None:
    world = Simulation(pace=replace(PACE, canary_lifetime=timedelta(minutes=6)))
    world.add()
    run = world.start()
    slow = timedelta(minutes=20)
    world.azure.delays = {"regenerate": slow, "detach": slow, "remove": slow}
    held = world.run_until(run, State.WAITING)
    assert held.waiting_code == "revocation-not-provable"
    world.let_pass(timedelta(minutes=20))
    assert world.journal.read(run.id).state is State.WAITING
    world.revoking.resume(run.id, ADMIN)
    done = world.run_until(run)
    assert done.steps[-1].evidence["accepted"] == ["revocation-not-provable"]


def test_a_decision_is_not_lost_because_the_runner_wrote_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    world = stuck()
    run = world.start()
    world.tick()
    record = world.revoking._record
    ticked: list[bool] = []

    def meanwhile(*arguments: Any, **details: Any) -> None:
        record(*arguments, **details)
        if not ticked:
            ticked.append(True)
            newest = world.journal.read(run.id)
            world.journal.amend(replace(newest, warned=1))

    monkeypatch.setattr(world.revoking, "_record", meanwhile)
    paused = world.revoking.pause(run.id, ADMIN)
    assert (paused.state, paused.warned) == (State.PAUSED, 1)


def test_a_decision_that_is_not_legal_any_more_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    world = stuck()
    run = world.start()
    record = world.revoking._record

    def meanwhile(*arguments: Any, **details: Any) -> None:
        record(*arguments, **details)
        world.journal.amend(replace(world.journal.read(run.id), state=State.PAUSED, warned=1))

    monkeypatch.setattr(world.revoking, "_record", meanwhile)
    with pytest.raises(ActionNotAllowed):
        world.revoking.pause(run.id, ADMIN)


@pytest.mark.parametrize("on_deadline", [OnDeadline.HOLD, OnDeadline.PROCEED])
def test_what_an_emergency_needs_approved_no_expedited_run_gets_without(on_deadline: OnDeadline) -> None:
    world = stuck()
    policy = world.policies.policy
    world.policies.policy = replace(policy, approvals=Approvals(needed=0, in_emergency=1))
    asked = replace(ASKED, on_deadline=on_deadline, deadline=NOW + MINUTE)
    planned = world.revoking.plan(asked, ADMIN)
    if on_deadline is OnDeadline.PROCEED:
        with pytest.raises(ActionNotAllowed):
            world.revoking.start(planned.id, ADMIN, plan_hash=planned.plan.hash)
        return
    run = world.revoking.start(planned.id, ADMIN, plan_hash=planned.plan.hash)
    world.run_until(run, State.WAITING)
    with pytest.raises(ActionNotAllowed):
        world.revoking.commit(run.id, ADMIN)
    with pytest.raises(ActionNotAllowed, match="needs 1 approvals by others"):
        world.revoking.excuse(run.id, ADMIN, consumer=LATE)
    world.let_pass(MINUTE)
    assert world.azure.generation(SigningKey.PRIMARY) == 1


LATE = "storefront/storefront-0/web"
BOTH = replace(APPROVER, roles=frozenset({*APPROVER.roles, *ADMIN.roles}))


def waiting_for_one(approvals: Approvals) -> tuple[Simulation, Revocation]:
    """A run whose deadline has passed, of a policy that wants approvals."""
    world = stuck()
    world.policies.policy = replace(world.policies.policy, approvals=approvals)
    planned = world.revoking.plan(replace(ASKED, deadline=NOW + MINUTE), ADMIN)
    run = world.revoking.start(planned.id, ADMIN, plan_hash=planned.plan.hash)
    return world, world.run_until(run, State.WAITING)


def test_who_is_left_behind_by_name_needs_the_second_pair_of_eyes_of_an_emergency() -> None:
    world, run = waiting_for_one(Approvals(needed=0, in_emergency=1))
    actions = allowed_actions(run, world.clock.now())
    assert Action.APPROVE in actions
    assert actions.isdisjoint({Action.EXCUSE, Action.COMMIT})
    with pytest.raises(ActionNotAllowed):
        world.revoking.approve(run.id, ADMIN, plan_hash=run.plan.hash)
    approved = world.revoking.approve(run.id, APPROVER, plan_hash=run.plan.hash)
    actions = allowed_actions(approved, world.clock.now())
    assert Action.APPROVE not in actions
    assert actions >= {Action.EXCUSE, Action.COMMIT}
    world.revoking.excuse(run.id, ADMIN, consumer=LATE)
    assert world.run_until(run).state is State.COMPLETED


def test_who_approves_that_somebody_is_left_behind_cannot_do_it_as_well() -> None:
    world, run = waiting_for_one(Approvals(needed=0, in_emergency=1))
    world.revoking.approve(run.id, BOTH, plan_hash=run.plan.hash)
    with pytest.raises(ActionNotAllowed, match="Who approved cannot excuse"):
        world.revoking.excuse(run.id, BOTH, consumer=LATE)
    with pytest.raises(ActionNotAllowed, match="Who approved cannot commit"):
        world.revoking.commit(run.id, BOTH)
    world.revoking.commit(run.id, ADMIN)
    assert world.run_until(run).state is State.COMPLETED


def test_without_approvals_in_the_policy_a_run_offers_none() -> None:
    world, run = waiting_for_one(Approvals())
    assert Action.APPROVE not in allowed_actions(run, world.clock.now())
    assert Action.EXCUSE in allowed_actions(run, world.clock.now())
