"""Lockdowns: the account is frozen in one step, kept so by every process, and freed by the last write alone."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count

import pytest

from sas_service.adapters.memory import MemoryLockdowns, MemorySlots
from sas_service.adapters.redis.lockdowns import RedisLockdowns
from sas_service.domain.audit import EventKind
from sas_service.domain.cuts import KEY, Cut
from sas_service.domain.errors import AccountLocked, EpochMoved, LeaseLost, NotFound, RevisionConflict
from sas_service.domain.lockdowns import Lockdown, LockdownState
from sas_service.domain.revocations import Reason
from sas_service.domain.runs import Canary, Intent, StepRecord
from sas_service.ports import Lockdowns
from tests.contract.ports.revocation.world import Revoking, memory_revoking, redis_revoking
from tests.contract.ports.test_races import at_once
from tests.contract.ports.world import ACCOUNT, OTHER_ACCOUNT, event, record, signed

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
_numbers = count(1)


@dataclass
class Locking:
    revoking: Revoking
    lockdowns: Lockdowns

    def issue(self, account: str = ACCOUNT, epoch: int = 1) -> None:
        self.revoking.tokens.issue(record(self.revoking.now(), account=account, epoch=epoch))

    def epoch(self) -> int:
        return self.revoking.slots.read(ACCOUNT).epoch


@pytest.fixture(params=["memory", "redis"])
def locking(request: pytest.FixtureRequest) -> Locking:
    if request.param == "memory":
        world = memory_revoking()
        slots = world.slots
        assert isinstance(slots, MemorySlots)
        return Locking(world, MemoryLockdowns(slots, world.leases))  # type: ignore[arg-type]  # the twin's own
    server = request.getfixturevalue("server")
    return Locking(redis_revoking(request.getfixturevalue("valkey"), server), RedisLockdowns(server))


def lockdown(account: str = ACCOUNT) -> Lockdown:
    return Lockdown(f"lock-{next(_numbers):06}", account, Reason.KEY_COMPROMISE, {"objectId": "admin"}, NOW, "why")


def full(begun: Lockdown) -> Lockdown:
    """Every member filled in."""
    return replace(
        begun,
        state=LockdownState.LOCKED,
        fingerprints={"primaryKey": "ab"},
        steps=(StepRecord("see-keys", begun=NOW, done=NOW, evidence={"proven": ["a"]}),),
        intents=(Intent("i", "regenerate-keys", "regenerate", "primaryKey", "fp", 7, (NOW,), "accepted", "az"),),
        canaries={"old-key:primaryKey": Canary("old-key:primaryKey", "sealed", "cd" * 32, NOW, proven=True)},
        cuts=(Cut(KEY, "primaryKey", 1, NOW),),
        probes=({"at": "now", "status": 401},),
        missing="something",
        breached_at=NOW,
        released_by={"objectId": "admin"},
        release_asked_at=NOW,
        left={"primaryKey": "cd"},
    )


def test_a_frozen_account_reserves_nothing_and_commits_nothing_of_before(locking: Locking) -> None:
    locking.issue()
    began = record(locking.revoking.now())
    locking.revoking.tokens.reserve(began)
    kept = locking.lockdowns.begin(lockdown())
    assert (kept.epoch, locking.epoch()) == (1, 2)
    live = signed(began)
    with pytest.raises(EpochMoved):
        locking.revoking.tokens.audit_log.commit(live, event(live, EventKind.ISSUED))
    for epoch in (1, 2):
        with pytest.raises(AccountLocked):
            locking.issue(epoch=epoch)
    locking.issue(OTHER_ACCOUNT)
    assert locking.lockdowns.current(OTHER_ACCOUNT) is None


def test_everything_is_remembered(locking: Locking) -> None:
    begun = locking.lockdowns.begin(lockdown())
    assert locking.lockdowns.current(ACCOUNT) == begun
    kept = locking.lockdowns.amend(full(begun))
    assert kept == replace(full(begun), revision=begun.revision + 1)
    assert locking.lockdowns.current(ACCOUNT) == kept
    assert locking.lockdowns.of(ACCOUNT) == (kept,)


def test_the_last_write_frees_the_account(locking: Locking) -> None:
    begun = locking.lockdowns.begin(lockdown())
    lease = locking.revoking.lease("worker")
    kept = locking.lockdowns.save(replace(begun, state=LockdownState.RELEASED, ended_at=NOW), lease=lease)
    assert locking.lockdowns.current(ACCOUNT) is None
    assert locking.lockdowns.of(ACCOUNT) == (kept,)
    locking.issue(epoch=2)
    # Its reply was lost: writing it once more does no harm, and frees no other lockdown.
    second = locking.lockdowns.begin(lockdown())
    again = locking.revoking.lease("worker-2")
    assert locking.lockdowns.save(replace(kept, revision=kept.revision - 1), lease=again) == kept
    assert locking.lockdowns.current(ACCOUNT) == second
    assert [each.id for each in locking.lockdowns.of(ACCOUNT)] == [second.id, kept.id]


def test_the_holder_of_the_account_loses_it_to_a_lockdown(locking: Locking) -> None:
    lease = locking.revoking.lease("runner")
    begun = locking.lockdowns.begin(lockdown())
    with pytest.raises(LeaseLost):
        locking.lockdowns.save(begun, lease=lease)
    assert locking.revoking.lease("another").fence > lease.fence


def test_who_has_read_something_older_writes_nothing(locking: Locking) -> None:
    begun = locking.lockdowns.begin(lockdown())
    locking.lockdowns.amend(replace(begun, missing="first"))
    with pytest.raises(RevisionConflict):
        locking.lockdowns.amend(replace(begun, missing="second"))
    with pytest.raises(RevisionConflict):
        locking.lockdowns.save(replace(begun, missing="third"), lease=locking.revoking.lease("worker"))


def test_one_of_many_lockdowns_holds_the_account(locking: Locking) -> None:
    kept = at_once(lambda _number: locking.lockdowns.begin(lockdown()), 16)
    assert len({each.id for each in kept}) == 1  # type: ignore[attr-defined]  # at_once returns objects
    assert locking.epoch() == 2


def test_one_that_is_being_released_is_taken_over(locking: Locking) -> None:
    first = locking.lockdowns.begin(lockdown())
    over = replace(first, state=LockdownState.RELEASED, ended_at=NOW)
    second = locking.lockdowns.begin(lockdown(), instead_of=over)
    assert (second.epoch, locking.epoch()) == (2, 3)
    assert locking.lockdowns.current(ACCOUNT) == second
    assert locking.lockdowns.of(ACCOUNT)[1].state is LockdownState.RELEASED
    with pytest.raises(AccountLocked):
        locking.issue(epoch=3)


def test_an_account_without_slots_cannot_be_locked(locking: Locking) -> None:
    with pytest.raises(NotFound):
        locking.lockdowns.begin(lockdown("maps-unknown"))
