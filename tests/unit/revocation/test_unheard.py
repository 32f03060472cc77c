"""A run that cannot go on says why: profiles that vanish, accounts without any, looks longer than a lease, bugs."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sas_service.domain.errors import BudgetExhausted
from sas_service.domain.lockdowns import LockdownState
from sas_service.domain.policy import SharedKeySecret, VaultSecret
from sas_service.domain.revocations import Lever, Mode, Reason, State, Target
from sas_service.domain.slots import SigningKey
from sas_service.domain.tokens import SasToken
from sas_service.ports import Probed
from sas_service.services.lockdown import LockingDown
from sas_service.services.run_lockdown import LockdownRunner
from tests.unit.revocation.world import ADMIN, MAPS, PACE, POLICY, TICK, Simulation

MINUTE = timedelta(minutes=1)
PRIMARY = SigningKey.PRIMARY
PLACE = VaultSecret("https://maps-vault.vault.azure.net", "daemon-key")


def leave_out(world: Simulation, profile: str, team: str, *, identities: bool = False) -> None:
    """Deploy a policy without the team and its profile, perhaps without the profile's identities."""
    old = world.policies.policy
    account, gone = old.accounts[MAPS], set(old.profiles[profile].identities) if identities else set()
    kept = {name: each for name, each in account.identities.items() if name not in gone}
    world.policies.policy = replace(
        old,
        accounts={MAPS: replace(account, identities=kept)},
        profiles={name: each for name, each in old.profiles.items() if name != profile},
        teams={name: each for name, each in old.teams.items() if name != team},
    )


def acknowledge(world: Simulation) -> None:
    (app,) = world.applications
    world.replacing.acknowledge(app.id, app.caller, fingerprint=app.token.fingerprint, request_id="loaded")


@pytest.mark.parametrize(("profile", "team"), [("batch", "logistics"), ("web", "storefront")])
def test_a_profile_that_leaves_the_policy_during_a_run_does_not_hold_up_the_cut(profile: str, team: str) -> None:
    world = Simulation(is_cold=False)
    world.add("storefront" if profile == "batch" else "logistics", acknowledges=False)
    run = world.start()
    world.let_pass(MINUTE)
    leave_out(world, profile, team)
    acknowledge(world)
    done = world.run_until(run)
    assert world.azure.generation(PRIMARY) == 2
    assert world.refusals() == []
    assert not any(f"standby:{profile}" == note["canary"] for note in done.probes[-4:])


def test_a_profile_that_leaves_while_a_graceful_run_outlives_its_canaries() -> None:
    world = Simulation(is_cold=False, pace=replace(PACE, canary_lifetime=10 * MINUTE))
    world.applications.remove(world.add(replaces=False))
    run = world.start(mode=Mode.GRACEFUL)
    world.let_pass(30 * MINUTE)
    leave_out(world, "batch", "logistics")
    world.run_until(run, ticks=400)
    assert world.azure.generation(PRIMARY) == 2


def test_a_profile_that_leaves_with_its_identities_before_they_are_attached() -> None:
    world = Simulation()
    world.add()
    run = world.start()
    leave_out(world, "batch", "logistics", identities=True)
    world.run_until(run)
    assert ("attach", "batch-b") not in [(each.operation, each.name) for each in world.azure.sent]
    assert world.refusals() == []


def test_the_tokens_of_a_profile_that_left_the_policy_before_can_still_be_cut() -> None:
    world = Simulation(is_cold=False)
    stopped = world.add("logistics", replaces=False)
    world.add()
    leave_out(world, "batch", "logistics")
    run = world.start(reason=Reason.OFFBOARDING, target=Target("tokens", (stopped.id,)))
    world.run_until(run, ticks=400)
    assert world.data_plane.status(stopped.token) in {401, 403}
    assert all("logistics" in refusal for refusal in world.refusals())


def daemons_only() -> Simulation:
    """An account that daemons use with its shared key, and nobody else."""
    world = Simulation()
    account = replace(POLICY.accounts[MAPS], shared_key_secrets=(SharedKeySecret(PLACE, 5 * MINUTE),), identities={})
    world.policies.policy = replace(POLICY, accounts={MAPS: account}, profiles={}, teams={})
    world.slots._accounts[MAPS] = replace(world.slots.read(MAPS), identities={})
    world.shared_keys.copy_key(MAPS, PRIMARY, PLACE, request_id="long ago")
    world.clock.advance(timedelta(hours=1))
    return world


@pytest.mark.parametrize("mode", [Mode.GRACEFUL, Mode.EXPEDITED, Mode.EMERGENCY])
def test_a_shared_key_is_rotated_where_no_profile_is_and_the_key_itself_testifies(mode: Mode) -> None:
    world = daemons_only()
    target = Target("signingKey", (PRIMARY.value,), MAPS)
    done = world.run_until(world.start(lever=Lever.KEY, reason=Reason.SCHEDULED, mode=mode, target=target))
    assert world.azure.generation(PRIMARY) == 2
    assert world.shared_keys.history[PLACE][-1].fingerprint == world.azure.fingerprint(SigningKey.SECONDARY)
    proof = next(step for step in done.steps if step.name == "prove-revoked")
    assert proof.evidence == {"rounds": PACE.proof_rounds, "provenByKeyFingerprint": ["old-key:primaryKey"]}
    assert done.accepted == frozenset()


def test_without_a_profile_a_key_that_is_as_before_is_no_proof() -> None:
    world = daemons_only()
    target = Target("signingKey", (PRIMARY.value,), MAPS)
    run = world.start(lever=Lever.KEY, mode=Mode.EMERGENCY, target=target)
    while not (step := world.journal.read(run.id).step) or step.name != "prove-revoked":
        world.tick()
    world.azure.generations[PRIMARY].value = 1
    assert world.run_until(run, State.WAITING, ticks=300).waiting_code == "still-accepted"


class Slow:
    """A data plane each of whose answers takes its time."""

    def __init__(self, world: Simulation, takes: timedelta) -> None:
        self._world, self._real, self.takes = world, world.data_plane.probe, takes
        world.data_plane.probe = self  # type: ignore[method-assign]

    def __call__(self, account: str, host: str, token: SasToken) -> Probed:
        self._world.clock.advance(self.takes)
        return self._real(account, host, token)


def about_to_cut(takes: timedelta) -> tuple[Simulation, Slow, str]:
    world = Simulation(is_cold=False)
    world.add(acknowledges=False)
    run = world.start()
    world.let_pass(MINUTE)
    acknowledge(world)
    return world, Slow(world, takes), run.id


@pytest.mark.parametrize("seconds", [8, 25])
def test_a_look_that_takes_longer_than_the_lease_ends_in_a_cut(seconds: int) -> None:
    """Two profiles and two hosts: half a minute, and two and a half, where a lease is one and a half."""
    world, _slow, run_id = about_to_cut(timedelta(seconds=seconds))
    world.run_until(world.journal.read(run_id), ticks=30)
    assert world.azure.generation(PRIMARY) == 2


def test_what_was_looked_at_before_a_slow_look_is_looked_at_again() -> None:
    world, slow, run_id = about_to_cut(timedelta(seconds=25))

    def meanwhile(account: str, host: str, token: SasToken) -> Probed:
        world.azure.generations[SigningKey.SECONDARY].value = 2  # the data plane does not know yet
        return slow(account, host, token)

    world.data_plane.probe = meanwhile  # type: ignore[method-assign]
    held = world.run_until(world.journal.read(run_id), State.WAITING, ticks=30)
    assert (held.waiting_code or "").startswith("key-changed")
    assert world.azure.sent == []


def test_a_worker_whose_lease_is_over_sends_nothing_though_nobody_has_replaced_it_and_says_so() -> None:
    world, slow, run_id = about_to_cut(2 * PACE.lease)
    for _ in range(5):
        world.runner.tick(MAPS)
    step = world.journal.read(run_id).step
    assert step is not None
    assert "longer than the lease" in step.missing
    assert world.azure.sent == []
    world.clock.advance(PACE.proof_limit)
    world.runner.tick(MAPS)
    assert world.journal.read(run_id).waiting_code == "takes-too-long"
    slow.takes = timedelta()
    world.run_until(world.journal.read(run_id))


@pytest.mark.parametrize("works", [True, False])
def test_a_worker_that_was_replaced_during_its_look_says_and_sends_nothing(works: bool) -> None:
    """Also if the other one has worked and gone meanwhile."""
    world, _slow, run_id = about_to_cut(timedelta())
    real = world.data_plane.probe

    def overslept(account: str, host: str, token: SasToken) -> Probed:
        world.data_plane.probe = real  # type: ignore[method-assign]
        world.clock.advance(2 * PACE.lease)
        now = world.clock.now()
        world.leases.take(MAPS, "another", until=now + PACE.lease, now=now)
        if works:
            world.revoking.pause(run_id, ADMIN)
            world.leases.bump(MAPS)
        return real(account, host, token)

    world.data_plane.probe = overslept  # type: ignore[method-assign]
    world.runner.tick(MAPS)
    assert world.azure.sent == []
    step = world.journal.read(run_id).step
    assert step is None or "lease" not in step.missing


def test_a_bug_is_said_at_the_run_without_its_text_and_the_run_goes_on_when_it_is_mended() -> None:
    world, _slow, run_id = about_to_cut(timedelta())
    real = world.data_plane.probe

    def broken(account: str, host: str, token: SasToken) -> Probed:
        raise KeyError(account, host, token.reveal())

    world.data_plane.probe = broken  # type: ignore[method-assign]
    for _ in range(2):
        with pytest.raises(KeyError):
            world.runner.tick(MAPS)
    held = world.journal.read(run_id)
    assert (held.state, held.waiting_code) == (State.WAITING, "takes-too-long")
    assert held.waiting_for == "an unexpected error of the service itself: KeyError"
    assert len([line for line in world.mirror.lines() if '"revocationWaits"' in line]) == 1
    world.data_plane.probe = real  # type: ignore[method-assign]
    assert world.run_until(held).waiting_for is None


def locked(world: Simulation) -> LockdownRunner:
    LockingDown(world.world).lock(MAPS, ADMIN, reason=Reason.KEY_COMPROMISE, comment=None, request_id="r")
    return LockdownRunner(world.world, world.leases, holder="worker")


def until_locked(world: Simulation, runner: LockdownRunner) -> None:
    for _ in range(50):
        if world.lockdowns.of(MAPS)[0].state is LockdownState.LOCKED:
            return
        world.clock.advance(TICK)
        runner.tick(MAPS)
    raise AssertionError(world.lockdowns.of(MAPS)[0])


def test_a_bug_is_said_at_a_lockdown_too() -> None:
    world = Simulation(is_cold=False)
    runner, real = locked(world), world.world.keys.read
    keys: Any = world.world.keys
    keys.read = {}.__getitem__
    with pytest.raises(KeyError):
        runner.tick(MAPS)
    assert world.lockdowns.of(MAPS)[0].missing == "an unexpected error of the service itself: KeyError"
    keys.read = real
    until_locked(world, runner)
    assert world.lockdowns.of(MAPS)[0].missing == ""


def test_a_budget_that_is_used_up_does_not_keep_local_authentication_on() -> None:
    world = Simulation(is_cold=False)
    runner = locked(world)
    world.signer.fail_with(BudgetExhausted("used up"), times=2)
    runner.tick(MAPS)
    assert world.azure.local_auth_disabled


def test_a_lockdown_that_waits_for_the_budget_says_so() -> None:
    world = Simulation(is_cold=False)
    runner = locked(world)
    keys: Any = world.world.keys
    keys.fail_with(BudgetExhausted("used up"))
    runner.tick(MAPS)
    assert world.lockdowns.of(MAPS)[0].missing == "Azure: BudgetExhausted"
    until_locked(world, runner)
