"""What a plan and a tick of a run cost with 10,000 live tokens: issue 4 wants a plan in under a second.

Processor time of this process, so that a busy machine changes little; over the twins, so Redis is not in it.
"""

import time
from collections.abc import Callable
from statistics import median

from sas_service.domain.plans import Asked, make_plan
from sas_service.domain.revocations import Mode, Reason
from tests.unit.revocation.test_plans import WEB, crowded
from tests.unit.revocation.test_size import waiting_for

ROUNDS = 5
TOKENS = 10_000


def seconds(work: Callable[[], object]) -> float:
    """The median of some rounds."""
    taken = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        work()
        taken.append(time.process_time() - begun)
    return median(taken)


def test_ten_thousand_live_tokens() -> None:
    asked = Asked(Reason.TOKEN_LEAK, WEB, Mode.EXPEDITED)
    situations = {number: crowded(number) for number in (TOKENS // 10, TOKENS)}
    plans = {number: seconds(lambda it=it: make_plan(asked, it)) for number, it in situations.items()}  # type: ignore[misc]
    world, _run = waiting_for(TOKENS)
    tick = seconds(world.tick)
    few, many = plans.values()
    print(
        f"\nplan of {TOKENS // 10:,}: {few * 1000:.1f} ms, of {TOKENS:,}: {many * 1000:.1f} ms, ratio {many / few:.1f}"
    )
    print(f"one tick of a run over {TOKENS:,} tokens that have not moved: {tick * 1000:.0f} ms")
    assert many < 1
    assert many < 20 * few
    assert tick < 2
