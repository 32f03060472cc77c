"""Daemons that read the shared key from a Key Vault: no key is regenerated before all have read the other."""

from collections import deque
from dataclasses import replace
from datetime import timedelta

import pytest

from sas_service.adapters.memory import Fault
from sas_service.adapters.memory.azure import Sent
from sas_service.domain.policy import SharedKeySecret, VaultSecret
from sas_service.domain.revocations import Lever, Mode, Reason, State, Target
from sas_service.domain.slots import SigningKey
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
    it.run_until(it.start(lever=Lever.KEY, mode=Mode.EMERGENCY), ticks=10)
    assert it.azure.generation(SigningKey.PRIMARY) == 2


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
