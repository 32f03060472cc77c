"""The arithmetic of the budget, by properties and by simulated load."""

import heapq
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sas_service.domain.arm_budget import (
    RESERVED,
    Bucket,
    BucketLimits,
    Go,
    Later,
    Learnt,
    Purpose,
    ask,
    close,
    full,
    learn,
)

LIMITS = BucketLimits(burst=200, rate=10)
START = 1_790_000_003.7

steps = st.lists(
    st.tuples(
        st.floats(0, 3, allow_nan=False),
        st.sampled_from(Purpose),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from([0.0, 0.3, 1.0]),
    ),
    max_size=300,
)


@settings(max_examples=150, deadline=None)
@given(steps, st.sampled_from([20, 200]), st.sampled_from([0.5, 1, 10]))
def test_never_more_is_let_out_than_arm_lets_in(
    asked: list[tuple[float, Purpose, str, float]], burst: int, rate: float
) -> None:
    limits, now = BucketLimits(burst, rate), START
    bucket, sent = full(limits, now), list[float]()
    for pause, purpose, team, patience in asked:
        now += pause / 10
        answer = ask(limits, bucket, purpose, team, patience=patience, now=now)
        if isinstance(answer, Go):
            assert answer.after <= patience
            sent.append(now + answer.after)
    # ARM's own bucket, which fills up no further than its burst, never runs dry.
    level, at = float(burst), START
    for when in sorted(sent):
        level, at = min(burst, level + rate * (when - at)), when
        level -= 1
        assert level >= -1e-3


@settings(max_examples=60, deadline=None)
@given(steps, st.lists(st.integers(0, 250), min_size=1, max_size=20))
def test_what_is_learnt_never_raises_the_level(asked: list[tuple[float, Purpose, str, float]], told: list[int]) -> None:
    now, bucket = START, full(LIMITS, START)
    for index, (pause, purpose, team, patience) in enumerate(asked):
        now += pause
        ask(LIMITS, bucket, purpose, team, patience=patience, now=now)
        before = bucket.level
        learn(LIMITS, bucket, Learnt(remaining=told[index % len(told)]), now=now)
        assert bucket.level <= before
        assert bucket.level <= max(told[index % len(told)] + 1, min(0, before)) + 1e-9
        assert all(bucket.reserves[each] <= LIMITS.reserve for each in RESERVED)


@dataclass
class Load:
    """Clients that come at a steady rate, and come back when they are told to (``obeys`` of them)."""

    rates: dict[str, float]
    seconds: float = 120
    obeys: bool = True
    lateness: float = 0.15
    allowed: dict[str, list[float]] = field(default_factory=dict)
    came_back: int = 0
    came_in_vain: int = 0

    def run(self, bucket: Bucket | None = None, others: dict[Purpose, float] | None = None) -> "Load":
        bucket = bucket or full(LIMITS, START)
        queue: list[tuple[float, int, int, str, Purpose]] = []
        number = 0
        mixed = [(team, rate, Purpose.INTERACTIVE) for team, rate in self.rates.items()]
        mixed += [(purpose.value, rate, purpose) for purpose, rate in (others or {}).items()]
        for team, rate, purpose in mixed:
            for index in range(int(self.seconds * rate)):
                number += 1
                queue.append((START + index / rate, number, 0, team, purpose))
        heapq.heapify(queue)
        while queue:
            now, number, tries, team, purpose = heapq.heappop(queue)
            patience = 1.0 if purpose is Purpose.INTERACTIVE else 0.0
            answer = ask(LIMITS, bucket, purpose, team, patience=patience, now=now)
            if isinstance(answer, Go):
                self.allowed.setdefault(team, []).append(now)
                self.came_back += tries
            elif purpose is Purpose.INTERACTIVE:
                self.came_in_vain += tries
                if self.obeys and tries == 0:
                    # As late as a slow client: spread by its number, not by chance.
                    late = 0.005 + self.lateness * (number * 0.618 % 1)
                    heapq.heappush(queue, (now + answer.seconds + late, number, 1, team, purpose))
        return self

    def rate_of(self, team: str, after: float = 24) -> float:
        span = self.seconds - after
        return sum(START + after <= each < START + self.seconds for each in self.allowed[team]) / span


@pytest.mark.parametrize("rate", [12, 15, 30, 45])
def test_who_obeys_retry_after_is_served(rate: float) -> None:
    load = Load({"a": rate}).run()
    assert load.came_back > 100
    assert load.came_in_vain == 0


def test_a_crowd_that_comes_once_does_not_wait_for_writes_that_nobody_uses() -> None:
    bucket, crowd = full(LIMITS, START), Load({"a": 2000 / 36}, seconds=36)
    crowd.run(bucket)
    assert len(crowd.allowed["a"]) == 2000
    # 1,800 after the first 200, of which six to seven a second are promised.
    assert max(crowd.allowed["a"]) - START < 1800 / 3


def test_who_obeys_is_served_while_another_team_asks_too() -> None:
    load = Load({"a": 30, "b": 12}).run()
    assert load.came_back > 1000
    assert load.came_in_vain == 0


@pytest.mark.parametrize("obeys", [True, False])
def test_under_three_times_the_load_no_write_is_wasted(obeys: bool) -> None:
    load = Load({"a": 30}, seconds=24 + 160, obeys=obeys).run()
    assert 9.4 <= load.rate_of("a") <= 10.1


def test_a_team_that_asks_little_does_not_notice_one_that_asks_much() -> None:
    load = Load({"loud": 40, "quiet": 1.5}, obeys=False).run()
    assert load.rate_of("quiet") >= 1.4


def test_a_team_that_asks_five_times_as_much_gets_less_than_twice_as_much() -> None:
    load = Load({"loud": 60, "other": 12}, seconds=200, obeys=False).run()
    assert load.rate_of("other") > 0.5 * load.rate_of("loud")


def test_each_purpose_keeps_its_share_while_all_want_everything() -> None:
    greedy = dict.fromkeys(RESERVED, 30.0)
    load = Load({"a": 30}, seconds=200, obeys=False).run(others=greedy)
    assert load.rate_of("a") >= 6.5
    for purpose in RESERVED:
        assert load.rate_of(purpose.value) >= 0.95


def test_a_purpose_borrows_what_others_leave() -> None:
    bucket = full(LIMITS, START)
    now, got = START, 0
    for _ in range(3000):
        now += 0.02
        got += isinstance(ask(LIMITS, bucket, Purpose.PLAYBOOK, "", patience=0, now=now), Go)
    assert got >= 60 * 10


def test_promises_outlast_a_playbook_that_begins_meanwhile() -> None:
    load = Load({"a": 30}).run(others={Purpose.PLAYBOOK: 20.0, Purpose.SHARED: 20.0, Purpose.BACKGROUND: 20.0})
    assert load.came_back > 500
    assert load.came_in_vain <= 0.01 * load.came_back


def test_a_clock_that_goes_back_adds_nothing() -> None:
    bucket = full(LIMITS, START)
    for _ in range(50):
        ask(LIMITS, bucket, Purpose.INTERACTIVE, "a", patience=0, now=START)
    ask(LIMITS, bucket, Purpose.INTERACTIVE, "a", patience=0, now=START - 100)
    assert bucket.level == 149
    assert bucket.at == START


def test_a_closed_bucket_says_until_when() -> None:
    bucket = full(LIMITS, START)
    close(LIMITS, bucket, 12.2, empty=True, now=START)
    assert ask(LIMITS, bucket, Purpose.SHARED, "", patience=60, now=START) == Later(13, closed=True)
    assert isinstance(ask(LIMITS, bucket, Purpose.INTERACTIVE, "a", patience=1, now=START + 12.3), Go)
