"""Asking for a write before it is sent: short waits are slept, long ones refused with the time to come back."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sas_service.adapters.memory import MemoryArmBudget
from sas_service.domain.arm_budget import BucketLimits, Purpose
from sas_service.domain.errors import AzureThrottled, BudgetExhausted
from sas_service.domain.policy import Budget
from sas_service.domain.quotas import Quota
from sas_service.ports import EventQuery, Suspension
from sas_service.services.spend import Spending
from tests.unit.api.world import FACTS, NOW, POLICY, KnownPolicy, World, app_of, issue

WAIT = dict.fromkeys(Purpose, timedelta(seconds=1))


class Bench:
    """A small budget whose time passes only in pauses."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0
        self.pauses: list[float] = []
        self.budget = MemoryArmBudget(lambda: self.now, BucketLimits(burst=20, rate=5))
        self.spending = Spending(budget=self.budget, pause=self._pause, patience=WAIT)

    def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def test_a_short_wait_is_slept_and_no_longer_than_allowed() -> None:
    bench = Bench()
    for number in range(40):
        bench.spending.spend("s", Purpose.INTERACTIVE, team=f"t{number}")
    assert bench.pauses
    assert all(0 < each <= 1 for each in bench.pauses)


def test_a_long_wait_is_refused_at_once() -> None:
    bench = Bench()
    bench.budget.sent("s", 30)
    with pytest.raises(BudgetExhausted) as refused:
        bench.spending.spend("s", Purpose.INTERACTIVE, team="t")
    assert refused.value.retry_after is not None
    assert refused.value.retry_after >= timedelta(seconds=1)
    assert refused.value.extra["effect"] == "none"
    assert bench.pauses == []


def test_azures_own_wish_is_azures_error() -> None:
    bench = Bench()
    bench.budget.close("s", timedelta(seconds=9), empty=True)
    with pytest.raises(AzureThrottled) as refused:
        bench.spending.spend("s", Purpose.SHARED)
    assert refused.value.retry_after == timedelta(seconds=9)


def with_quota(world: World, requests: int) -> World:
    team = replace(POLICY.teams["storefront"], quota=Quota(requests, timedelta(minutes=1)))
    world.policies.policy = replace(POLICY, teams={**POLICY.teams, "storefront": team})
    return world


def test_answers_say_what_is_left_of_the_quota_and_one_too_many_is_429() -> None:
    client = app_of(with_quota(World(), 2)).test_client()
    first, second, third = (issue(client) for _ in range(3))
    assert (first.status_code, second.status_code, third.status_code) == (201, 201, 429)
    assert first.headers["RateLimit-Policy"] == '"team";q=2;w=60'
    assert first.headers["RateLimit"] == '"team";r=1;t=60'
    assert third.headers["RateLimit"] == '"team";r=0;t=60'
    assert third.headers["Retry-After"] == "60"
    assert third.get_json()["type"] == "/problems/quota-exceeded"


def test_without_a_quota_nothing_is_said_of_one() -> None:
    answer = issue(app_of(World()).test_client())
    assert answer.status_code == 201
    assert "RateLimit" not in answer.headers


def test_a_refusal_for_want_of_a_write_leaves_no_record() -> None:
    bench = Bench()
    bench.budget.sent(POLICY.accounts["maps-demo"].subscription, 30)
    world = World(spending=bench.spending)
    answer = issue(app_of(world).test_client())
    assert answer.status_code == 429
    assert answer.get_json()["type"] == "/problems/budget-exhausted"
    assert int(answer.headers["Retry-After"]) >= 1
    assert world.mirror.lines() == []
    assert world.audit_log.events(EventQuery(streams=("maps-demo",)), cursor=None, limit=1).items == ()


def test_a_locked_account_does_not_use_up_the_budget() -> None:
    bench = Bench()
    world = World(spending=bench.spending)
    client = app_of(world).test_client()
    world.slots.freeze("maps-demo", "a-lockdown")
    assert {issue(client).status_code for _ in range(40)} == {423}
    assert bench.pauses == []


def test_a_suspended_team_does_not_use_up_the_budget() -> None:
    bench = Bench()
    world = World(spending=bench.spending)
    client = app_of(world).test_client()
    world.suspensions.put(Suspension("team", "storefront", "a leak", {"objectId": "admin"}, NOW), ["maps-demo"])
    assert {issue(client).status_code for _ in range(40)} == {403}
    assert bench.pauses == []


def test_a_profile_whose_identity_is_detached_does_not_use_up_the_budget_of_the_others() -> None:
    bench = Bench()
    world = World(spending=bench.spending)
    client = app_of(world).test_client()
    world.maps_account.accounts["maps-demo"] = replace(FACTS, principals={})
    answers = [issue(client) for _ in range(40)]
    assert {each.get_json()["type"] for each in answers} == {"/problems/identity-detached"}
    assert {(each.status_code, each.headers["Retry-After"]) for each in answers} == {(503, "60")}
    assert bench.pauses == []


def test_a_team_over_its_exposure_budget_does_not_use_up_the_budget() -> None:
    bench = Bench()
    web = replace(POLICY.profiles["storefront-web"], budget=Budget(live_tokens=1))
    policies = KnownPolicy(replace(POLICY, profiles={**POLICY.profiles, "storefront-web": web}))
    client = app_of(World(spending=bench.spending, policies=policies)).test_client()
    assert issue(client).status_code == 201
    assert {issue(client).status_code for _ in range(40)} == {422}
    assert bench.pauses == []
