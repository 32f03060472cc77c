"""The port ArmBudget: the twin and the script in Redis give the same answers, number by number."""

import random
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from sas_service.adapters.memory import MemoryArmBudget
from sas_service.adapters.redis.arm_budget import RedisArmBudget
from sas_service.adapters.redis.connection import connect
from sas_service.adapters.redis.server import Server
from sas_service.domain.arm_budget import BucketLimits, Purpose
from sas_service.domain.errors import AuditLogUnavailable
from sas_service.domain.quotas import Quota
from sas_service.ports import Allotted, ArmBudget, Demand, NotNow, QuotaSpent
from tests.valkey_process import RunningValkey, start_valkey

SUBSCRIPTION = "s-1"
SMALL = BucketLimits(burst=20, rate=5)


class Time:
    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


Build = Callable[[BucketLimits], ArmBudget]


@pytest.fixture(params=["memory", "redis"])
def build(request: pytest.FixtureRequest, time: Time) -> Build:
    if request.param == "memory":
        return lambda limits: MemoryArmBudget(time, limits)
    _empty(request.getfixturevalue("valkey"))
    server = request.getfixturevalue("server")
    return lambda limits: RedisArmBudget(server, principal="p", limits=limits, clock=time, monotonic=time)


def _empty(valkey: RunningValkey) -> None:
    with valkey.client() as client:
        client.flushall()


def demand(
    purpose: Purpose = Purpose.INTERACTIVE, *, team: str = "a", wait: float = 0.0, quota: Quota | None = None
) -> Demand:
    return Demand(SUBSCRIPTION, purpose, timedelta(seconds=wait), team, quota)


def drain(budget: ArmBudget, **how: str) -> int:
    return next(n for n in range(100_000) if not isinstance(budget.ask(demand(**how)), Allotted))  # type: ignore[arg-type]


def test_shares_of_others_are_left_when_one_purpose_takes_all_it_gets(build: Build) -> None:
    budget = build(BucketLimits(burst=200, rate=10))
    assert 160 <= drain(budget) <= 170
    for purpose in (Purpose.SHARED, Purpose.PLAYBOOK, Purpose.BACKGROUND):
        answers = [budget.ask(demand(purpose)) for _ in range(11)]
        assert [isinstance(each, Allotted) for each in answers] == [True] * 10 + [False]


def test_a_short_wait_is_booked_and_a_long_one_is_refused(build: Build) -> None:
    budget = build(SMALL)
    drain(budget)
    answer = budget.ask(demand(team="b", wait=1.0))
    assert isinstance(answer, Allotted)
    budget.ask(demand(team="c", wait=1.0))
    refused = budget.ask(demand(team="b", wait=0.0))
    assert isinstance(refused, NotNow)
    assert not refused.throttled
    assert refused.retry_after >= timedelta(seconds=1)


def test_what_azure_says_is_left_is_believed_when_it_is_less(build: Build) -> None:
    budget = build(BucketLimits(burst=200, rate=10))
    budget.ask(demand())
    budget.learn(SUBSCRIPTION, 40)
    # Every purpose keeps its part of the little that is left.
    assert 21 <= drain(budget) <= 40 - 12
    assert [isinstance(budget.ask(demand(Purpose.SHARED)), Allotted) for _ in range(5)] == [True] * 4 + [False]


def test_what_azure_says_is_left_is_not_believed_when_it_is_more(build: Build) -> None:
    budget = build(SMALL)
    taken = drain(budget)
    budget.learn(SUBSCRIPTION, 1000)
    assert taken > 0
    assert drain(budget) == 0


def test_one_more_or_less_is_rounding(build: Build) -> None:
    budget = build(BucketLimits(burst=200, rate=10))
    for n in range(100):
        budget.ask(demand())
        budget.learn(SUBSCRIPTION, 199 - n - 1)
    assert 60 <= drain(budget) <= 70


def test_a_closed_bucket_is_closed_for_everybody_until_then(build: Build, time: Time) -> None:
    budget = build(SMALL)
    budget.close(SUBSCRIPTION, timedelta(seconds=7), empty=True)
    for purpose in Purpose:
        answer = budget.ask(demand(purpose, wait=1.0))
        assert answer == NotNow(timedelta(seconds=7), throttled=True)
    time.now += 7.01
    assert isinstance(budget.ask(demand(Purpose.PLAYBOOK)), Allotted)


def test_an_ill_azure_closes_the_bucket_but_does_not_empty_it(build: Build, time: Time) -> None:
    budget = build(SMALL)
    budget.close(SUBSCRIPTION, timedelta(seconds=1), empty=False)
    time.now += 1
    assert drain(budget) >= 12


def test_writes_that_were_not_sent_come_back_and_others_are_counted(build: Build) -> None:
    budget = build(SMALL)
    drain(budget)
    budget.sent(SUBSCRIPTION, -3)
    assert drain(budget) == 3
    again = build(SMALL)
    again.sent("s-2", 5)
    answers = [again.ask(Demand("s-2", Purpose.INTERACTIVE, timedelta(), "a")) for _ in range(20)]
    assert sum(isinstance(each, Allotted) for each in answers) <= 20 - 5


def test_each_subscription_has_its_own(build: Build) -> None:
    budget = build(SMALL)
    drain(budget)
    assert isinstance(budget.ask(Demand("s-2", Purpose.INTERACTIVE, timedelta(), "a")), Allotted)


def test_a_quota_counts_down_and_is_refused_before_a_write_is_taken(build: Build) -> None:
    budget, quota = build(BucketLimits()), Quota(3, timedelta(seconds=30))
    left = []
    for _ in range(3):
        answer = budget.ask(demand(quota=quota))
        assert isinstance(answer, Allotted)
        assert answer.quota
        left.append(answer.quota.remaining)
    assert left == [2, 1, 0]
    refused = budget.ask(demand(quota=quota))
    assert isinstance(refused, QuotaSpent)
    assert timedelta(seconds=28) < refused.quota.reset <= timedelta(seconds=30)
    assert isinstance(budget.ask(demand(team="b", quota=quota)), Allotted)
    assert isinstance(budget.count("a", quota), QuotaSpent)
    assert not isinstance(budget.count("c", quota), QuotaSpent)


@pytest.mark.parametrize("seed", range(6))
def test_the_script_and_the_twin_agree(seed: int, time: Time, valkey: RunningValkey, server: Server) -> None:
    _empty(valkey)
    chance = random.Random(seed)  # noqa: S311 - a test's dice
    limits = BucketLimits(burst=chance.choice([5, 20, 200]), rate=chance.choice([1, 5, 10]))
    twin = MemoryArmBudget(time, limits)
    script = RedisArmBudget(server, principal="p", limits=limits, clock=time, monotonic=time)
    for step in range(600):
        time.now += chance.choice([0.0, 0.0, 0.01, 0.05, 0.2, chance.random() * 4])
        what = chance.random()
        if what < 0.02:
            left = chance.randrange(int(limits.burst))
            for each in (twin, script):
                each.learn(SUBSCRIPTION, left)
        elif what < 0.03:
            for each in (twin, script):
                each.close(SUBSCRIPTION, timedelta(seconds=1), empty=step % 2 == 0)
        purpose = Purpose.INTERACTIVE if chance.random() < 0.8 else chance.choice(list(Purpose))
        wanted = demand(purpose, team=chance.choice("aaab"), wait=chance.choice([0.0, 0.5, 2.0]))
        assert script.ask(wanted) == twin.ask(wanted), step


def test_many_at_once_get_no_more_than_there_is(build: Build) -> None:
    budget = build(BucketLimits(burst=50, rate=1))
    got: list[bool] = []

    def take() -> None:
        got.extend(isinstance(budget.ask(demand(team="t")), Allotted) for _ in range(20))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    # 50, less three shares of 2, and what a team that had its part leaves to others.
    assert 42 <= sum(got) <= 44


def test_two_processes_share_and_a_lost_redis_lets_nothing_out(tmp_path_factory: pytest.TempPathFactory) -> None:
    running = start_valkey(tmp_path_factory.mktemp("budget"))
    one, other = (RedisArmBudget(Server(connect(running.url)), principal="p", limits=SMALL) for _ in range(2))
    taken = drain(one)
    assert taken >= 12
    assert isinstance(other.ask(demand(team="a")), NotNow)
    running.stop()
    with pytest.raises(AuditLogUnavailable):
        one.ask(demand())
    one.close(SUBSCRIPTION, timedelta(seconds=1), empty=True)
