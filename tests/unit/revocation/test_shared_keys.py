"""Daemons that read the shared key from a Key Vault: no key is regenerated before all have read the other."""

from collections import deque
from dataclasses import replace
from datetime import timedelta

import pytest

from sas_service.adapters.memory import Fault
from sas_service.adapters.memory.azure import Sent
from sas_service.domain import drift
from sas_service.domain.audit import EventKind
from sas_service.domain.errors import AzureUnavailable
from sas_service.domain.lockdowns import LockdownState
from sas_service.domain.policy import SharedKeySecret, VaultSecret
from sas_service.domain.revocations import Lever, Mode, Reason, State, Target
from sas_service.domain.slots import SigningKey
from sas_service.services.lockdown import LockingDown
from sas_service.services.run_lockdown import LockdownRunner
from tests.unit.revocation.upkept import EVERY, Upkept
from tests.unit.revocation.world import ADMIN, MAPS, POLICY, TICK, Simulation

MINUTE = timedelta(minutes=1)
PLACE = VaultSecret("https://maps-vault.vault.azure.net", "daemon-key")
REFRESH = 5 * MINUTE


def world(**options: object) -> Simulation:
    """A world whose daemons read a secret that holds the primary key, each every five minutes."""
    made = Simulation(is_cold=False, **options)  # type: ignore[arg-type]
    account = replace(POLICY.accounts[MAPS], shared_key_secrets=(SharedKeySecret(PLACE, REFRESH),))
    made.policies.policy = replace(POLICY, accounts={MAPS: account})
    made.shared_keys.copy_key(MAPS, SigningKey.PRIMARY, PLACE, request_id="long ago")
    made.azure.sent.clear()
    made.clock.advance(timedelta(hours=1))
    made.add()
    return made


def holds(it: Simulation, key: SigningKey) -> bool:
    return it.shared_keys.history[PLACE][-1].fingerprint == it.azure.fingerprint(key)


@pytest.mark.parametrize("lever", [Lever.KEY, Lever.BOTH])
def test_no_key_is_regenerated_before_every_daemon_has_read_the_other(lever: Lever) -> None:
    it = world()
    regenerated: list[Sent] = []

    def before(sent: Sent) -> None:
        if sent.operation == "regenerate":
            regenerated.append(sent)
            assert holds(it, SigningKey.SECONDARY)
            assert it.clock.now() - it.shared_keys.history[PLACE][-1].since >= REFRESH

    it.azure.before_send = before
    done = it.run_until(it.start(lever=lever))
    assert len(regenerated) == 1
    assert holds(it, SigningKey.SECONDARY)
    assert it.slots.read(MAPS).signing_key is SigningKey.SECONDARY
    assert it.refusals() == []
    step = next(step for step in done.steps if step.name == "move-daemons")
    assert step.evidence["sharedKeySecrets"] == [PLACE.name]


def test_the_rotation_of_the_daemon_document_is_a_scheduled_run_there_and_back() -> None:
    it = world()
    for key in (SigningKey.PRIMARY, SigningKey.SECONDARY):
        target = Target("signingKey", (key.value,), MAPS)
        it.run_until(it.start(lever=Lever.KEY, reason=Reason.SCHEDULED, mode=Mode.GRACEFUL, target=target), ticks=2000)
        it.let_pass(it.pace.quarantine)
    assert [it.azure.generation(key) for key in SigningKey] == [2, 2]
    assert holds(it, SigningKey.PRIMARY)
    assert it.refusals() == []


def test_a_role_revocation_leaves_daemons_alone() -> None:
    it = world()
    it.run_until(it.start(lever=Lever.ROLE))
    assert not [sent for sent in it.azure.sent if sent.operation == "copyKey"]


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.THROTTLED, Fault.RESET, Fault.LOST, Fault.TWICE])
def test_a_vault_in_trouble_holds_the_cut_up_and_no_longer(fault: Fault) -> None:
    it = world()
    it.azure.faults = {"copyKey": deque([fault, fault])}
    it.run_until(it.start(lever=Lever.KEY))
    assert holds(it, SigningKey.SECONDARY)


def test_an_emergency_writes_the_key_and_waits_for_no_daemon_nor_for_a_vault_that_is_away() -> None:
    it = world()
    it.azure.faults = {"copyKey": deque([Fault.RESET])}
    run = it.start(lever=Lever.KEY, mode=Mode.EMERGENCY)
    it.tick()
    assert it.azure.generation(SigningKey.PRIMARY) == 2
    it.run_until(run, ticks=10)
    assert holds(it, SigningKey.SECONDARY)


def test_an_emergency_is_not_over_while_daemons_read_a_dead_key_and_says_so() -> None:
    it = world()
    it.azure.faults = {"copyKey": deque([Fault.REFUSED] * 200)}
    run = it.start(lever=Lever.KEY, mode=Mode.EMERGENCY)
    it.let_pass(10 * MINUTE)
    held = it.journal.read(run.id)
    assert held.step is not None
    assert (held.state, held.step.name) == (State.RUNNING, "complete")
    assert PLACE.name in held.step.missing
    it.let_pass(30 * MINUTE)
    assert it.journal.read(run.id).waiting_code == "takes-too-long"
    it.azure.faults = {}
    it.run_until(run)
    assert holds(it, SigningKey.SECONDARY)


def test_a_secret_that_is_no_longer_in_the_policy_holds_no_run_up() -> None:
    it = world()
    it.azure.faults = {"copyKey": deque([Fault.REFUSED] * 999)}
    run = it.start(lever=Lever.KEY, mode=Mode.EMERGENCY)
    it.let_pass(5 * MINUTE)
    it.policies.policy = POLICY
    assert it.run_until(run).state is State.COMPLETED


def dead_secret(faults: int = 0) -> Upkept:
    """A world whose daemons' key was made anew by hand."""
    kept = Upkept(world())
    kept.let_pass(2 * EVERY)
    kept.world.azure.faults = {"copyKey": deque([Fault.RESET] * faults)}
    kept.world.azure.regenerate(SigningKey.PRIMARY)
    return kept


def test_a_dead_key_in_a_secret_is_found_within_a_minute_and_replaced() -> None:
    kept = dead_secret()
    kept.let_pass(EVERY)
    assert (drift.SHARED_KEY_DEAD, PLACE.name) in kept.codes()
    assert holds(kept.world, kept.world.slots.read(MAPS).signing_key)
    kept.let_pass(EVERY)
    assert (drift.SHARED_KEY_DEAD, PLACE.name) not in kept.codes()
    asked = [each for each in kept.events(EventKind.AZURE_WRITE_INTENDED) if each["operation"] == "copy-key"]
    answered = [each for each in kept.events(EventKind.AZURE_WRITE_ANSWERED) if each["intent"] == asked[0]["intent"]]
    assert [each["outcome"] for each in answered] == ["accepted"]


def test_a_secret_that_cannot_be_written_stays_on_the_list_and_is_tried_at_each_look() -> None:
    kept = dead_secret(faults=3)
    kept.let_pass(3 * EVERY)
    assert (drift.SHARED_KEY_DEAD, PLACE.name) in kept.codes()
    kept.let_pass(2 * EVERY)
    assert (drift.SHARED_KEY_DEAD, PLACE.name) not in kept.codes()
    assert kept.sent().count(("copyKey", PLACE.name)) == 4


def test_a_vault_that_is_away_ends_no_drift_and_holds_up_no_look() -> None:
    kept = dead_secret(faults=99)
    kept.let_pass(EVERY)
    kept.world.shared_keys.fail_with(AzureUnavailable("away"))
    kept.world.clock.advance(EVERY)
    kept.look_after.tick(MAPS)
    assert (drift.SHARED_KEY_DEAD, PLACE.name) in kept.codes()


def test_the_other_living_key_in_a_secret_is_left_alone() -> None:
    kept = Upkept(world())
    kept.world.shared_keys.copy_key(MAPS, SigningKey.SECONDARY, PLACE, request_id="by hand")
    kept.let_pass(3 * EVERY)
    assert holds(kept.world, SigningKey.SECONDARY)
    assert kept.codes() == []


def test_daemons_are_not_left_behind_by_a_lockdown() -> None:
    kept = Upkept(world())
    of = kept.world
    locking, runner = LockingDown(of.world), LockdownRunner(of.world, of.leases, holder="worker")
    locking.lock(MAPS, ADMIN, reason=Reason.KEY_COMPROMISE, comment=None, request_id="r")

    def until(state: LockdownState) -> None:
        for _ in range(400):
            if of.lockdowns.of(MAPS)[0].state is state:
                return
            of.clock.advance(TICK)
            runner.tick(MAPS)
        raise AssertionError(of.lockdowns.of(MAPS)[0])

    until(LockdownState.LOCKED)
    kept.look_after.tick(MAPS)
    assert not holds(of, of.slots.read(MAPS).signing_key)
    locking.release(MAPS, ADMIN, request_id="r")
    until(LockdownState.RELEASED)
    kept.let_pass(2 * EVERY)
    assert holds(of, of.slots.read(MAPS).signing_key)


def test_an_abort_brings_the_daemons_back() -> None:
    it = world()
    run = it.start(lever=Lever.KEY)
    for _ in range(4):
        it.tick()
    assert holds(it, SigningKey.SECONDARY)
    it.revoking.abort(run.id, ADMIN)
    it.run_until(run, State.ABORTED)
    assert holds(it, SigningKey.PRIMARY)
    assert it.slots.read(MAPS).signing_key is SigningKey.PRIMARY
    assert [it.azure.generation(key) for key in SigningKey] == [1, 1]


def test_a_secret_that_somebody_overwrites_before_the_cut_is_written_again() -> None:
    it = world()
    slow = it.add(number=1, acknowledges=False)
    run = it.start(lever=Lever.KEY)
    for _ in range(int(REFRESH / TICK) + 6):
        it.tick()
    step = it.journal.read(run.id).step
    assert step is not None
    assert step.name == "replace"
    it.shared_keys.copy_key(MAPS, SigningKey.PRIMARY, PLACE, request_id="by hand")
    slow.acknowledges = True
    it.replacing.acknowledge(slow.id, slow.caller, fingerprint=slow.token.fingerprint, request_id="loaded")
    it.run_until(run)
    assert holds(it, SigningKey.SECONDARY)


def test_the_plan_says_that_daemons_are_moved_first() -> None:
    it = world()
    warnings = " ".join(it.start(lever=Lever.KEY).plan.warnings)
    assert "sharedKeySecrets are moved first" in warnings
