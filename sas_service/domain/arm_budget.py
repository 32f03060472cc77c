"""The arithmetic of the ARM budget: one bucket of writes, guaranteed shares, fairness between teams, honest waits.

``adapters/redis/lua/arm_budget.lua`` does the same for all processes; a contract test holds the two equal, number by
number. Seconds are floats of one clock, the budget's. Why it is like this: docs/decisions/arm-budget.md.
"""

import math
from dataclasses import dataclass, field
from enum import StrEnum


class Purpose(StrEnum):
    """What a write to Azure is for; each has a guaranteed share of the budget and may borrow what others leave."""

    INTERACTIVE = "interactive"
    SHARED = "shared"
    PLAYBOOK = "playbook"
    BACKGROUND = "background"


SHARE = 0.1
"""Of the rate: what each purpose but the interactive one is guaranteed; that one has the rest."""

RESERVED = (Purpose.SHARED, Purpose.PLAYBOOK, Purpose.BACKGROUND)
_RESERVE_SECONDS = 10.0
_FAIR_MEMORY = 10.0
_ARRIVAL_MEMORY = 5.0
_FORGOTTEN = 0.05
WINDOW = 1.5
"""Seconds that a turn is open: clients come back in whole seconds, so spread over one, and a little late."""

FEWEST = 0.5
"""Of a turn: promised however many newcomers there are: a crowd passes, and its places are in far-away turns."""

_LONGEST = 3600.0


@dataclass(frozen=True, slots=True)
class BucketLimits:
    """ARM's limits for one principal in one subscription: so many writes at once, so many more each second."""

    burst: float = 200.0
    rate: float = 10.0

    @property
    def reserve(self) -> float:
        """The most that a purpose's guaranteed share saves up."""
        return min(max(2.0, SHARE * self.rate * _RESERVE_SECONDS), SHARE * self.burst)

    @property
    def turn(self) -> float:
        """Seconds from one turn to the next."""
        return max(4.0, 0.8 * self.burst / self.rate)

    @property
    def promised(self) -> float:
        """What may be promised each second: less than what is guaranteed, the rest is for teams that ask little."""
        return 0.6 * self.rate

    @property
    def turn_size(self) -> float:
        """What is saved up for one turn."""
        return min(self.promised * self.turn, 0.6 * self.burst)

    @property
    def floor(self) -> float:
        """What teams that had more than their part leave to those that had less."""
        return min(0.5 * self.rate, 0.1 * self.burst)


PUBLISHED = BucketLimits()
"""What Azure publishes for a principal in a subscription (azure-facts.md, section 4)."""


@dataclass(slots=True)
class Bucket:
    """What is left at ``at``.

    ``turns`` counts the promises of each turn and ``tail`` is the last one; ``used`` is what each team had of late.
    """

    level: float
    at: float
    reserves: dict[Purpose, float]
    closed_until: float = 0.0
    arrivals: float = 0.0
    arrivals_at: float = 0.0
    tail: int = 0
    turns: dict[int, int] = field(default_factory=dict)
    used: dict[str, float] = field(default_factory=dict)
    used_at: float = 0.0


def full(limits: BucketLimits, now: float) -> Bucket:
    """Return a bucket that nobody has drawn from."""
    return Bucket(limits.burst, now, dict.fromkeys(RESERVED, limits.reserve), arrivals_at=now, used_at=now)


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a process learnt since it last asked: ``spent`` writes nobody asked for (negative: asked for, not sent).

    ``remaining`` is what ARM said was left ``age`` seconds ago; None: nothing new.
    """

    spent: int = 0
    remaining: int | None = None
    age: float = 0.0


@dataclass(frozen=True, slots=True)
class Go:
    """Send the write ``after`` so many seconds: its place is booked."""

    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Later:
    """Not now: come back in ``seconds``. ``closed``: it is Azure itself that asked us to wait."""

    seconds: int
    closed: bool = False


def ask(
    limits: BucketLimits, bucket: Bucket, purpose: Purpose, team: str, *, patience: float, now: float
) -> Go | Later:
    """Take one write out of ``bucket``, now or within ``patience`` seconds, or say when to come back.

    Never lets more than ``burst + rate x time`` out, as long as no more than the burst flows in during ``patience``.
    """
    fill(limits, bucket, now)
    shut = bucket.closed_until - bucket.at
    if shut > 0:
        return Later(max(1, math.ceil(shut)), closed=True)
    if purpose is Purpose.INTERACTIVE:
        return _ask_interactive(limits, bucket, team, patience)
    return _ask_reserved(limits, bucket, purpose)


def fill(limits: BucketLimits, bucket: Bucket, now: float) -> None:
    """Let the time since the last look flow in; a clock that went back adds nothing."""
    gain = limits.rate * max(0.0, now - bucket.at)
    bucket.level = min(limits.burst, bucket.level + gain)
    for each in RESERVED:
        bucket.reserves[each] = min(limits.reserve, bucket.reserves[each] + SHARE * gain)
    bucket.at = max(bucket.at, now)


def learn(limits: BucketLimits, bucket: Bucket, learnt: Learnt, *, now: float) -> None:
    """Believe ARM where it has less than we think: others use the subscription too. It never raises the level.

    One more or less is a matter of rounding: ARM tells whole numbers.
    """
    fill(limits, bucket, now)
    bucket.level = min(limits.burst, bucket.level - learnt.spent)
    if learnt.remaining is None:
        return
    most = learnt.remaining + limits.rate * learnt.age
    if bucket.level > most + 1:
        bucket.level = most
        for each in RESERVED:
            bucket.reserves[each] = min(bucket.reserves[each], SHARE * max(0.0, most))


def close(limits: BucketLimits, bucket: Bucket, seconds: float, *, empty: bool, now: float) -> None:
    """Let nothing out for ``seconds``; ``empty`` when ARM said that the bucket is (429), not when it was ill (503)."""
    fill(limits, bucket, now)
    bucket.closed_until = max(bucket.closed_until, bucket.at + seconds)
    if empty and bucket.level > 0:
        bucket.level = 0.0
        bucket.reserves = dict.fromkeys(RESERVED, 0.0)


def _kept(bucket: Bucket) -> float:
    return bucket.reserves[RESERVED[0]] + bucket.reserves[RESERVED[1]] + bucket.reserves[RESERVED[2]]


def _ask_reserved(limits: BucketLimits, bucket: Bucket, purpose: Purpose) -> Go | Later:
    """Take from the own share, or borrow. Nothing is booked ahead: these are our own workers, who look again anyway."""
    own = bucket.reserves[purpose]
    if own < 1 and _spare(limits, bucket, purpose) >= 1:
        bucket.level -= 1
        return Go()
    after = max(0.0, (1 - own) / (SHARE * limits.rate), (1 - bucket.level) / limits.rate)
    if after > 0:
        return Later(max(1, math.ceil(after)))
    bucket.level -= 1
    bucket.reserves[purpose] = own - 1
    return Go()


def _spare(limits: BucketLimits, bucket: Bucket, purpose: Purpose) -> float:
    """Return what ``purpose`` may borrow: neither the other shares nor what is saved for the promised."""
    turn = math.floor(bucket.at / limits.turn)
    saved = limits.turn_size if turn in bucket.turns or turn + 1 in bucket.turns else 0.0
    interactive = max(saved, (1 - 3 * SHARE) * limits.rate)
    return bucket.level - (_kept(bucket) - max(0.0, bucket.reserves[purpose])) - interactive


def _ask_interactive(limits: BucketLimits, bucket: Bucket, team: str, patience: float) -> Go | Later:
    turn = math.floor(bucket.at / limits.turn)
    is_open = turn in bucket.turns and bucket.at < turn * limits.turn + WINDOW
    _count_arrival(bucket, counts=not is_open)
    ahead = _is_ahead(bucket, team)
    saved = 0.0 if is_open else _saved(limits, bucket, turn + 1)
    floor = 0.0 if is_open or not ahead else limits.floor
    free = bucket.level - _kept(bucket) - saved - floor
    after = max(0.0, (1 - free) / ((1 - 3 * SHARE) * limits.rate))
    if after > 0 and (saved > 0 or after > patience):
        return Later(_promise(limits, bucket, turn + 1))
    bucket.level -= 1
    bucket.used[team] = bucket.used.get(team, 0.0) + 1
    return Go(after)


def _count_arrival(bucket: Bucket, *, counts: bool) -> None:
    """Keep how many come in a second without a promise; while a turn is open nobody can tell who has one."""
    if counts:
        faded = bucket.arrivals * math.exp((bucket.arrivals_at - bucket.at) / _ARRIVAL_MEMORY)
        bucket.arrivals = faded + 1 / _ARRIVAL_MEMORY
    bucket.arrivals_at = bucket.at


def _is_ahead(bucket: Bucket, team: str) -> bool:
    """Tell whether ``team`` had its part of late, or more; one that is alone has."""
    fade = math.exp((bucket.used_at - bucket.at) / _FAIR_MEMORY)
    bucket.used = {each: had * fade for each, had in bucket.used.items() if had * fade >= _FORGOTTEN}
    bucket.used_at = bucket.at
    total, count = 0.0, 0
    for each in sorted(bucket.used):
        total, count = total + bucket.used[each], count + 1
    mine = bucket.used.get(team)
    return mine is not None and mine >= total / count


def _saved(limits: BucketLimits, bucket: Bucket, following: int) -> float:
    """Return what must lie in the bucket now so that everybody finds a write at the ``following`` turn."""
    promises = bucket.turns.get(following, 0)
    if promises == 0:
        return 0.0
    needed = min(limits.turn_size, promises + bucket.arrivals * WINDOW)
    return max(0.0, needed - limits.promised * (following * limits.turn - bucket.at))


def _promise(limits: BucketLimits, bucket: Bucket, following: int) -> int:
    """Book a place in the first turn that is not full, and return the whole seconds until it."""
    for each in [each for each in bucket.turns if each < following - 1]:
        del bucket.turns[each]
    places = max(1, math.floor(max(FEWEST * limits.turn_size, limits.turn_size - bucket.arrivals * WINDOW)))
    last = math.floor((bucket.at + _LONGEST) / limits.turn)
    turn = max(following, bucket.tail)
    if turn == following:
        # It begins soon: only what lies in the bucket until then can be promised.
        soon = bucket.level - _kept(bucket) + limits.promised * (following * limits.turn - bucket.at)
        places = min(places, math.floor(soon - bucket.arrivals * WINDOW))
    if turn < last and bucket.turns.get(turn, 0) >= places:
        turn += 1
    bucket.tail = turn
    bucket.turns[turn] = bucket.turns.get(turn, 0) + 1
    return max(1, math.ceil(turn * limits.turn - bucket.at))
