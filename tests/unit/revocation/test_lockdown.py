"""Lockdown on the twins: nothing is issued, nothing is let in, nothing revives; whatever crashes."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sas_service.adapters.memory import Fault
from sas_service.adapters.memory.azure import Sent, Spreading
from sas_service.domain.errors import AccountLocked, AzureUnavailable, NotFound, ReleaseRefused, SasServiceError
from sas_service.domain.lockdowns import Lockdown, LockdownState
from sas_service.domain.revocations import Mode, Reason, State
from sas_service.domain.slots import SigningKey
from sas_service.domain.tokens import Grant, SasToken, TokenRequest
from sas_service.playbooks import LOCKING
from sas_service.ports import Probed
from sas_service.services.lockdown import LockingDown
from sas_service.services.run_lockdown import LockdownRunner
from sas_service.steps.locking import SIGN
from tests.unit.revocation.world import ADMIN, MAPS, PACE, TICK, Simulation, application

PRIMARY, SECONDARY = SigningKey.PRIMARY, SigningKey.SECONDARY
HOUR = timedelta(hours=1)


class Dies(BaseException):
    """The process ends here."""


class Locked:
    """A world with an application, a token minted outside, and a worker that may die."""

    def __init__(self, **options: Any) -> None:
        self.world = Simulation(is_cold=False, **options)
        self.app = self.world.add()
        self.locking = LockingDown(self.world.world)
        self.number = 0
        self.runner = self.new_runner()
        self.outside = [self.mint(key) for key in SigningKey]

    def new_runner(self) -> LockdownRunner:
        self.number += 1
        return LockdownRunner(self.world.world, self.world.leases, holder=f"worker-{self.number}")

    def mint(self, key: SigningKey) -> SasToken:
        """Sign a token of which the service knows nothing, for as long as Azure lets."""
        record = self.world.log.token(self.app.id)
        assert record is not None
        far = self.world.clock.now().replace(microsecond=0) + timedelta(days=300)
        grant: Grant = replace(record.grant, signing_key=key, expiry=far)
        return self.world.signer.sign(grant, request_id="outside").token

    def status(self, token: SasToken) -> int:
        return self.world.data_plane.status(token)

    def lock(self) -> Lockdown:
        return self.locking.lock(MAPS, ADMIN, reason=Reason.KEY_COMPROMISE, comment="a leak", request_id="r")[0]

    def release(self) -> Lockdown:
        return self.locking.release(MAPS, ADMIN, request_id="r")

    def tick(self) -> None:
        self.world.clock.advance(TICK)
        try:
            self.runner.tick(MAPS)
        except Dies:
            self.world.leases.bump(MAPS)
            self.runner = self.new_runner()
        except SasServiceError:
            pass

    def until(self, state: LockdownState, ticks: int = 100) -> Lockdown:
        for _ in range(ticks):
            (newest, *_) = self.world.lockdowns.of(MAPS)
            if newest.state is state:
                return newest
            self.tick()
        raise AssertionError(f"{newest.state} at {newest.step}: {newest.missing}")

    def issue(self) -> SasToken:
        return self.world.issuing.issue(TokenRequest("web"), application("storefront", 1), request_id="r").token


def test_from_the_moment_of_the_lock_nothing_is_issued_replaced_or_delivered_again() -> None:
    it = Locked()
    old = it.app.id
    it.lock()
    with pytest.raises(AccountLocked):
        it.issue()
    with pytest.raises(AccountLocked):
        it.world.replacing.replace(old, it.app.caller, request_id="r")
    assert any("AccountLocked" in line for line in it.world.mirror.lines())


def test_a_token_that_was_being_signed_when_the_lock_came_is_not_delivered() -> None:
    it = Locked()
    it.world.signer.after_signing = lambda _grant: (it.lock(), None)[1]
    with pytest.raises(AccountLocked):
        it.issue()


def test_shown_by_6_refused_until_both_keys_changed_and_what_was_minted_outside_is_dead_after_release() -> None:
    it = Locked()
    assert [it.status(token) for token in it.outside] == [200, 200]
    it.world.azure.faults = {"regenerate": deque([None, *[Fault.REFUSED] * 5])}  # type: ignore[list-item]
    it.lock()
    for _ in range(8):
        it.tick()
    with pytest.raises(ReleaseRefused) as refused:
        it.release()
    assert [each.pointer for each in refused.value.violations] == ["/keys/secondaryKey"]
    it.until(LockdownState.LOCKED)
    assert [it.status(token) for token in it.outside] == [401, 401]
    it.release()
    done = it.until(LockdownState.RELEASED)
    assert done.canaries == {}
    assert not it.world.azure.local_auth_disabled
    assert [it.status(token) for token in it.outside] == [401, 401]
    assert it.status(it.app.token) == 401
    assert it.status(it.issue()) == 200
    past = it.world.world.past(MAPS)
    record = it.world.log.token(it.app.id)
    assert record is not None
    assert past.is_gone(record)
    it.app.turn()
    assert it.status(it.app.token) == 200


def test_release_asks_the_account_and_not_the_journal() -> None:
    """Keys that are as before would revive tokens: whatever the lockdown remembers, DELETE and the worker look."""
    it = Locked()
    it.lock()
    it.until(LockdownState.LOCKED)
    (locked,) = it.world.lockdowns.of(MAPS)
    same = {key.value: it.world.azure.fingerprint(key) for key in SigningKey}
    it.world.lockdowns.amend(replace(locked, fingerprints=same))
    with pytest.raises(ReleaseRefused) as refused:
        it.release()
    assert len(refused.value.violations) == 2
    (locked,) = it.world.lockdowns.of(MAPS)
    it.world.lockdowns.amend(replace(locked, state=LockdownState.RELEASING))
    for _ in range(10):
        it.tick()
    assert it.world.azure.local_auth_disabled


def test_each_key_is_regenerated_once_and_local_auth_is_switched_twice() -> None:
    it = Locked()
    it.lock()
    it.until(LockdownState.LOCKED)
    it.release()
    it.until(LockdownState.RELEASED)
    assert [(each.operation, each.name) for each in it.world.azure.sent] == [
        ("localAuth", "disable"),
        ("regenerate", "primaryKey"),
        ("regenerate", "secondaryKey"),
        ("localAuth", "enable"),
    ]


def _crash_before(it: Locked, number: int, counter: list[int]) -> Callable[[Sent], None]:
    def before(_sent: Sent) -> None:
        counter.append(1)
        if len(counter) == number:
            raise Dies

    return before


@pytest.mark.parametrize("point", ["before", "after"])
@pytest.mark.parametrize("number", range(1, 5))
def test_a_crash_at_every_azure_write(point: str, number: int) -> None:
    it, seen = Locked(), list[int]()
    hook = _crash_before(it, number, seen)
    if point == "before":
        it.world.azure.before_send = hook
    else:
        it.world.azure.after_effect = hook
    _there_and_back(it)
    effects = [each for each in it.world.azure.effects if each.operation == "regenerate"]
    assert len(effects) == 2


@pytest.mark.parametrize("number", range(1, 45))
def test_a_crash_at_every_write_to_memory(number: int) -> None:
    it, seen = Locked(), list[int]()
    save = it.world.lockdowns.save

    def saved(lockdown: Lockdown, **options: Any) -> Lockdown:
        seen.append(1)
        if len(seen) == number:
            raise Dies
        kept = save(lockdown, **options)
        if len(seen) == -number:
            raise Dies
        return kept

    it.world.lockdowns.save = saved  # type: ignore[method-assign]  # the real one, which may die
    _there_and_back(it)


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_at_every_kind_of_write(fault: Fault) -> None:
    it = Locked()
    it.world.azure.faults = {name: deque([fault]) for name in ("localAuth", "regenerate")}
    it.lock()
    it.until(LockdownState.LOCKED)
    it.world.azure.faults = {"localAuth": deque([fault])}
    it.world.azure.land()
    for _ in range(200):
        try:
            it.release()
            break
        except ReleaseRefused:
            it.tick()
    it.until(LockdownState.RELEASED)
    assert [it.status(token) for token in it.outside] == [401, 401]
    assert it.status(it.issue()) == 200


def _there_and_back(it: Locked) -> None:
    it.lock()
    it.until(LockdownState.LOCKED)
    for _ in range(200):
        try:
            it.release()
            break
        except ReleaseRefused:
            it.tick()
    it.until(LockdownState.RELEASED)
    assert [it.status(token) for token in it.outside] == [401, 401]
    assert it.status(it.issue()) == 200


def test_a_regeneration_that_lands_late_finds_nothing_signed_with_its_key() -> None:
    it = Locked()
    it.world.azure.faults = {"regenerate": deque([Fault.LATE])}
    it.lock()
    it.until(LockdownState.LOCKED)
    it.release()
    it.until(LockdownState.RELEASED)
    fresh = it.issue()
    it.world.azure.land()
    assert it.status(fresh) == 200
    assert it.world.slots.read(MAPS).signing_key is SECONDARY


def test_with_both_regenerations_uncertain_release_waits_for_the_quarantine_of_one() -> None:
    it = Locked()
    it.world.azure.faults = {"regenerate": deque([Fault.LATE, Fault.LATE])}
    it.lock()
    it.until(LockdownState.LOCKED)
    with pytest.raises(ReleaseRefused) as refused:
        it.release()
    assert {each.rule for each in refused.value.violations} == {"lockdown.late"}
    it.world.azure.land()
    it.world.clock.advance(PACE.quarantine)
    it.release()
    it.until(LockdownState.RELEASED)
    assert it.status(it.issue()) == 200


def test_local_auth_that_somebody_switches_on_is_found_said_and_switched_off() -> None:
    it = Locked()
    it.lock()
    it.until(LockdownState.LOCKED)
    it.world.azure.set_local_auth(disabled=False)
    it.world.clock.advance(HOUR)
    it.tick()
    assert it.world.azure.local_auth_disabled
    assert [line for line in it.world.mirror.lines() if "lockdownBreached" in line]
    it.tick()
    (locked,) = it.world.lockdowns.of(MAPS)
    assert (locked.breached_at, locked.missing) == (None, "")


def test_a_token_of_before_that_is_still_let_in_keeps_the_account_frozen() -> None:
    """The data plane has not heard of the new keys when local authentication comes back."""
    it = Locked()
    it.world.azure.delays = {"regenerate": timedelta(minutes=10)}
    it.lock()
    it.until(LockdownState.LOCKED)
    it.release()
    for _ in range(10):
        it.tick()
    with pytest.raises(AccountLocked):
        it.issue()
    assert it.world.lockdowns.of(MAPS)[0].state is LockdownState.RELEASING
    it.until(LockdownState.RELEASED)
    assert [it.status(token) for token in it.outside] == [401, 401]


def test_old_tokens_that_are_let_in_beside_new_ones_keep_the_account_frozen() -> None:
    """A data plane that honours both generations for a while: the new canary alone would prove nothing."""
    it = Locked()
    probe = it.world.data_plane.probe
    it.lock()
    it.until(LockdownState.LOCKED)
    it.release()
    it.world.data_plane.probe = lambda *_: Probed(200)  # type: ignore[method-assign]  # everything is let in
    for _ in range(10):
        it.tick()
    with pytest.raises(AccountLocked):
        it.issue()
    it.world.data_plane.probe = probe  # type: ignore[method-assign]
    it.until(LockdownState.RELEASED)


@pytest.mark.parametrize("ticks", [1, 2, 3])
def test_a_lock_ends_the_open_run_wherever_it_is(ticks: int) -> None:
    it = Locked()
    run = it.world.start(mode=Mode.EXPEDITED)
    for _ in range(ticks):
        it.world.tick()
    assert it.world.journal.running(MAPS)
    it.lock()
    sent = len(it.world.azure.sent)
    it.world.runner.tick(MAPS)
    assert len(it.world.azure.sent) == sent
    with pytest.raises(SasServiceError):
        it.world.start()
    it.until(LockdownState.LOCKED)
    ended = it.world.journal.read(run.id)
    assert (ended.state, ended.preempted_by) == (State.ABORTED, it.world.lockdowns.of(MAPS)[0].id)
    it.release()
    it.until(LockdownState.RELEASED)
    it.app.turn()
    it.world.clock.advance(PACE.quarantine)
    it.world.run_until(it.world.start(mode=Mode.EXPEDITED))
    assert it.status(it.app.token) == 200


def test_a_lock_during_a_release_locks_anew_with_new_keys() -> None:
    it = Locked()
    first = it.lock()
    it.until(LockdownState.LOCKED)
    it.release()
    second = it.lock()
    assert second.id != first.id
    it.until(LockdownState.LOCKED)
    assert [it.world.azure.generation(key) for key in SigningKey] == [3, 3]


def test_a_second_lock_is_the_first_one_and_none_cannot_be_released() -> None:
    it = Locked()
    with pytest.raises(NotFound):
        it.release()
    assert it.lock().id == it.lock().id


def test_every_write_has_its_intent_on_record_before() -> None:
    it = Locked()

    def intended(sent: Sent) -> None:
        lines = [line for line in it.world.mirror.lines() if "azureWriteIntended" in line]
        assert any(sent.request_id.split(".")[0] in line for line in lines)

    it.world.azure.before_send = intended
    _there_and_back(it)


def test_the_steps_are_those_of_the_design() -> None:
    names = [step.name for step in LOCKING]
    assert names[2:] == ["sign-canaries", "disable-local-auth", "prove-refused", "regenerate-keys"]


def test_an_account_with_azure_away_is_frozen_all_the_same() -> None:
    it = Locked()
    keys: Any = it.world.world.keys
    keys.fail_with(AzureUnavailable("away"), times=3)
    it.lock()
    it.tick()
    assert it.world.lockdowns.of(MAPS)[0].missing == "Azure: AzureUnavailable"
    with pytest.raises(AccountLocked):
        it.issue()
    it.until(LockdownState.LOCKED)


def test_a_profile_that_never_signed_does_not_stop_a_lockdown() -> None:
    """Canaries are signed with a profile that has an identity: the first by name may be new to the policy."""
    it = Locked()
    it.world.slots._accounts[MAPS] = replace(it.world.slots.read(MAPS), identities={"web": "web-a"})
    it.world.azure.attached["batch-a"] = Spreading(value=False)
    it.lock()
    locked = it.until(LockdownState.LOCKED)
    assert locked.record(SIGN).evidence == {"proven": ["old-key:primaryKey", "old-key:secondaryKey"]}
    it.release()
    it.until(LockdownState.RELEASED)
    assert [it.status(token) for token in it.outside] == [401, 401]


def test_an_account_without_any_profile_left_is_locked_and_released() -> None:
    it = Locked()
    it.world.policies.policy = replace(it.world.policies.policy, profiles={}, teams={})
    it.lock()
    it.until(LockdownState.LOCKED)
    it.release()
    it.until(LockdownState.RELEASED)
    assert [it.status(token) for token in it.outside] == [401, 401]
