"""The warm standby: what would take over is attached, assigned and proven between runs, and nothing else is touched."""

from collections import deque
from dataclasses import replace
from datetime import timedelta

import pytest

from sas_service.adapters.memory import Fault
from sas_service.domain.audit import EventKind
from sas_service.domain.errors import MirrorUnavailable
from sas_service.domain.policy import Standby
from sas_service.domain.revocations import Lever, Mode, Reason, State, Target
from sas_service.domain.slots import SigningKey
from tests.unit.revocation.upkept import PROVE_EVERY, Upkept
from tests.unit.revocation.world import ADMIN, MAPS, POLICY, ROLE, Simulation

MINUTE = timedelta(minutes=1)
BROUGHT_UP = [("attach", "batch-b"), ("attach", "web-b"), ("assign", "batch-b"), ("assign", "web-b")]


def roles_of(world: Simulation, identity: str) -> object:
    return world.azure.roles[identity].value


def test_what_would_take_over_is_brought_up_and_proven_once() -> None:
    kept = Upkept(Simulation())
    kept.let_pass(10 * MINUTE)
    assert kept.sent() == BROUGHT_UP
    assert kept.look_after.standby(MAPS) == "ready"
    (proven,) = kept.events(EventKind.STANDBY_PROVEN)
    assert (proven["identities"], proven["signingKey"]) == ({"batch": "batch-b", "web": "web-b"}, "secondaryKey")
    assert kept.world.slots.read(MAPS).epoch == 1


def test_every_write_stands_between_its_intent_and_its_outcome() -> None:
    kept = Upkept(Simulation())
    kept.let_pass(5 * MINUTE)
    kinds = [kind for kind in kept.kinds() if kind.startswith("azureWrite")]
    assert kinds == ["azureWriteIntended", "azureWriteAnswered"] * 4


def test_what_cannot_be_put_on_record_is_not_sent() -> None:
    kept = Upkept(Simulation())
    kept.world.mirror.fail_with(MirrorUnavailable("full"))
    with pytest.raises(MirrorUnavailable):
        kept.look_after.tick(MAPS)
    assert kept.sent() == []
    kept.let_pass(5 * MINUTE)
    assert kept.sent() == BROUGHT_UP


def test_with_a_role_that_takes_long_it_is_ready_only_when_the_data_plane_says_so() -> None:
    kept = Upkept(Simulation())
    kept.world.azure.delays = {"assign": 3 * MINUTE}
    kept.let_pass(2 * MINUTE)
    assert kept.look_after.standby(MAPS) != "ready"
    kept.let_pass(3 * MINUTE)
    assert kept.look_after.standby(MAPS) == "ready"
    assert kept.sent() == BROUGHT_UP


def test_lost_and_refused_writes_are_repeated_after_a_look_and_not_at_once() -> None:
    kept = Upkept(Simulation())
    kept.world.azure.faults = {"attach": deque([Fault.REFUSED, Fault.LOST]), "assign": deque([Fault.THROTTLED])}
    kept.let_pass(10 * MINUTE)
    assert kept.look_after.standby(MAPS) == "ready"
    attaches = [each.at for each in kept.world.azure.sent if (each.operation, each.name) == ("attach", "batch-b")]
    assert len(attaches) == 2
    assert attaches[1] - attaches[0] >= kept.world.pace.resend_after


def test_cold_leaves_everything_to_the_run() -> None:
    world = Simulation()
    account = replace(POLICY.accounts[MAPS], standby=Standby.COLD)
    world.policies.policy = replace(POLICY, accounts={MAPS: account})
    kept = Upkept(world)
    kept.let_pass(10 * MINUTE)
    assert kept.sent() == []
    assert kept.look_after.standby(MAPS) == "cold"


def test_it_is_proven_anew_now_and_then_and_after_it_was_brought_up_again() -> None:
    kept = Upkept(Simulation(is_cold=False))
    kept.let_pass(5 * MINUTE)
    assert len(kept.events(EventKind.STANDBY_PROVEN)) == 1
    kept.let_pass(PROVE_EVERY)
    assert len(kept.events(EventKind.STANDBY_PROVEN)) == 2
    kept.world.azure.attached["web-b"].set(False, kept.world.clock.now())
    kept.let_pass(5 * MINUTE)
    assert kept.sent() == [("attach", "web-b")]
    assert len(kept.events(EventKind.STANDBY_PROVEN)) == 3


def test_an_emergency_with_a_warm_standby_needs_no_preparation() -> None:
    kept = Upkept(Simulation())
    kept.let_pass(5 * MINUTE)
    kept.world.start(mode=Mode.EMERGENCY, reason=Reason.KEY_COMPROMISE)
    before = kept.world.azure.generation(SigningKey.PRIMARY)
    kept.world.tick()
    assert kept.world.azure.generation(SigningKey.PRIMARY) == before + 1


def test_while_a_run_is_open_the_upkeep_changes_nothing() -> None:
    kept = Upkept(Simulation())
    kept.world.add(acknowledges=False)
    run = kept.world.start()
    kept.world.revoking.pause(run.id, ADMIN)
    kept.let_pass(5 * MINUTE)
    assert kept.sent() == []


def test_after_a_run_the_cut_identities_come_back_once_they_are_clean_and_out_of_quarantine() -> None:
    kept = Upkept(Simulation())
    kept.let_pass(5 * MINUTE)
    kept.world.add()
    run = kept.world.run_until(kept.world.start())
    ended = run.ended_at or kept.world.clock.now()
    sent = len(kept.sent())
    kept.let_pass(kept.world.pace.quarantine - 2 * MINUTE)
    assert len(kept.sent()) == sent
    assert kept.look_after.standby(MAPS).startswith("no identity")
    kept.let_pass(5 * MINUTE)
    assert {("assign", "web-a"), ("attach", "web-a")} <= set(kept.sent()[sent:])
    assert kept.world.clock.now() - ended > kept.world.pace.quarantine - MINUTE
    kept.let_pass(5 * MINUTE)
    assert kept.look_after.standby(MAPS) == "ready"
    assert kept.world.refusals() == []


@pytest.mark.parametrize("other_role", [None, "Reader"])
def test_an_identity_gets_no_role_back_while_old_tokens_of_it_live(other_role: str | None) -> None:
    """The role lever leaves the tokens' key alone: with its role the identity would bring them back."""
    kept = Upkept(Simulation())
    app = kept.world.add(acknowledges=True)
    old, until = app.token, app.expiry
    kept.let_pass(5 * MINUTE)
    kept.world.run_until(kept.world.start(lever=Lever.ROLE, target=Target("profile", ("web",))))
    kept.let_pass(kept.world.pace.quarantine + MINUTE)
    if other_role:
        # Somebody gives it another role and puts it on the account: it looks as if it served.
        now = kept.world.clock.now()
        kept.world.azure.roles["web-a"].set(frozenset({other_role}), now)
        kept.world.azure.attached["web-a"].set(True, now)
    kept.let_pass(20 * MINUTE)
    assert kept.world.clock.now() < until
    assert kept.world.data_plane.status(old) == 403 or other_role
    assert ("assign", "web-a") not in kept.sent()
    kept.let_pass(until - kept.world.clock.now() + 5 * MINUTE)
    assert ROLE in roles_of(kept.world, "web-a")  # type: ignore[operator]  # a set of roles


def test_only_who_has_the_lease_looks_after_the_account() -> None:
    kept = Upkept(Simulation())
    taken = kept.world.leases.take(MAPS, "busy", until=kept.world.clock.now() + MINUTE, now=kept.world.clock.now())
    assert taken is not None
    kept.worker("another").tick(MAPS)
    assert kept.sent() == []
    kept.world.clock.advance(MINUTE)
    kept.worker("a third").tick(MAPS)
    assert kept.sent() == BROUGHT_UP


def test_an_abort_takes_back_the_data_role_it_gave_and_no_other() -> None:
    world = Simulation()
    world.add(replaces=False)
    run = world.start()
    for _ in range(3):
        world.tick()
    assert ("assign", "web-b") in [(each.operation, each.name) for each in world.azure.sent]
    now = world.clock.now()
    world.azure.roles["web-b"].set(frozenset({ROLE, "Aardvark Keeper"}), now)
    world.revoking.abort(run.id, ADMIN)
    world.run_until(run, State.ABORTED)
    assert roles_of(world, "web-b") == frozenset({"Aardvark Keeper"})
