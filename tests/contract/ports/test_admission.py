"""The port Admission: a write to Azure and its reservation, in one script or in turn, come to the same."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sas_service.adapters.memory import MemoryArmBudget
from sas_service.adapters.redis.admission import RedisAdmission
from sas_service.adapters.redis.arm_budget import RedisArmBudget
from sas_service.adapters.redis.audit_log import RedisAuditLog
from sas_service.domain.arm_budget import BucketLimits, Purpose
from sas_service.domain.audit import EventKind
from sas_service.domain.errors import EpochMoved, OutsidePolicy, Suspended
from sas_service.domain.policy import Budget
from sas_service.domain.quotas import Quota
from sas_service.ports import (
    Admission,
    Allotted,
    ArmBudget,
    Demand,
    EventQuery,
    Idempotency,
    NotNow,
    QuotaSpent,
    Replay,
)
from sas_service.services.admit import AdmissionInTurn
from tests.contract.ports.world import ACCOUNT, World, memory_world, record, redis_world, reservation

FEW = BucketLimits(burst=20, rate=5)
NOW = 1_790_000_000.0
Both = tuple[World, ArmBudget, Admission]


@pytest.fixture(params=["memory", "redis", "redis in turn", pytest.param("cluster", marks=pytest.mark.full)])
def both(request: pytest.FixtureRequest) -> Both:
    """Return a world with a small budget, and what asks for both."""
    if request.param == "memory":
        world, budget = memory_world(), MemoryArmBudget(lambda: NOW, FEW)
        return world, budget, AdmissionInTurn(budget, world.audit_log)
    is_cluster = request.param == "cluster"
    server = request.getfixturevalue("cluster_server" if is_cluster else "server")
    world = redis_world(request.getfixturevalue("cluster" if is_cluster else "valkey"), server)
    stored = RedisArmBudget(server, principal="p", limits=FEW, clock=lambda: NOW)
    assert isinstance(world.audit_log, RedisAuditLog)
    if request.param == "redis":
        return world, stored, RedisAdmission(server, stored, world.audit_log.reservations)
    return world, stored, AdmissionInTurn(stored, world.audit_log)


def demand(*, team: str = "storefront", wait: float = 0.0, quota: Quota | None = None) -> Demand:
    return Demand("s-1", Purpose.INTERACTIVE, timedelta(seconds=wait), team, quota)


def drain(budget: ArmBudget, team: str = "storefront") -> int:
    return next(n for n in range(1000) if not isinstance(budget.ask(demand(team=team)), Allotted))


def untouched(world: World, token_id: str) -> bool:
    """Tell whether nothing at all was written about a token."""
    events = world.audit_log.events(EventQuery(streams=(ACCOUNT,)), cursor=None, limit=10).items
    return world.audit_log.token(token_id) is None and not events


def test_with_a_write_at_once_the_token_is_reserved(both: Both) -> None:
    world, budget, admission = both
    wanted = reservation(record(world.now))
    answer, outcome = admission.admit(demand(quota=Quota(5, timedelta(minutes=1))), wanted)
    reserved = outcome()
    assert isinstance(answer, Allotted)
    assert answer.after == timedelta()
    assert answer.quota
    assert answer.quota.remaining == 4
    assert not isinstance(reserved, Replay)
    assert [EventKind.RESERVED.value in each.text for each in reserved.events] == [True]
    assert world.audit_log.token(wanted.record.id) == wanted.record
    other = drain(MemoryArmBudget(lambda: NOW, FEW))
    assert drain(budget) == other - 1


def test_without_a_write_nothing_is_written(both: Both) -> None:
    world, budget, admission = both
    drain(budget)
    wanted = reservation(record(world.now))
    answer, _ = admission.admit(demand(), wanted)
    assert isinstance(answer, NotNow)
    assert untouched(world, wanted.record.id)


def test_over_its_quota_a_team_gets_neither(both: Both) -> None:
    world, _, admission = both
    quota = Quota(1, timedelta(minutes=1))
    first, second = (reservation(record(world.now, token_id=f"{ACCOUNT}.{each}")) for each in ("a", "b"))
    admission.admit(demand(quota=quota), first)[1]()
    answer, _ = admission.admit(demand(quota=quota), second)
    assert isinstance(answer, QuotaSpent)
    assert world.audit_log.token(second.record.id) is None


def test_who_has_to_wait_for_the_write_reserves_afterwards(both: Both) -> None:
    world, budget, admission = both
    drain(budget)
    drain(budget, "another")
    wanted = reservation(record(world.now))
    answer, outcome = admission.admit(demand(team="another", wait=1.0), wanted)
    assert isinstance(answer, Allotted)
    assert answer.after > timedelta()
    assert untouched(world, wanted.record.id)
    outcome()
    assert world.audit_log.token(wanted.record.id) == wanted.record


def test_a_refusal_of_the_reservation_is_raised_when_the_write_is_known(both: Both) -> None:
    world, budget, admission = both
    world.suspend("team", "storefront")
    wanted = reservation(record(world.now))
    answer, outcome = admission.admit(demand(), wanted)
    assert isinstance(answer, Allotted)
    with pytest.raises(Suspended):
        outcome()
    assert untouched(world, wanted.record.id)
    # Booked: who asked gives it back.
    budget.sent("s-1", -1)
    assert drain(budget) == drain(MemoryArmBudget(lambda: NOW, FEW))


def test_another_epoch_is_told_with_what_is_left_of_the_quota(both: Both) -> None:
    world, _, admission = both
    world.move_epoch(ACCOUNT, 2)
    quota = Quota(5, timedelta(minutes=1))
    answer, outcome = admission.admit(demand(quota=quota), reservation(record(world.now)))
    assert isinstance(answer, Allotted)
    assert answer.quota
    assert answer.quota.remaining == 4
    with pytest.raises(EpochMoved):
        outcome()


def test_the_same_idempotency_key_is_the_same_token(both: Both) -> None:
    world, _, admission = both
    key = Idempotency("k" * 64, "b" * 64)
    live = world.issue(record(world.now), idempotency=key)
    _, outcome = admission.admit(demand(), replace(reservation(record(world.now)), idempotency=key))
    assert outcome() == Replay(live)


def test_a_profiles_budget_is_counted_before_it_is_believed(both: Both) -> None:
    world, _, admission = both
    world.issue(record(world.now))
    wanted = replace(reservation(record(world.now)), budget=Budget(live_tokens=1))
    _, outcome = admission.admit(demand(), wanted)
    with pytest.raises(OutsidePolicy):
        outcome()
