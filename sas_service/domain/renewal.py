"""When a token should be replaced, and when to ask again: renewal information, as ACME's ARI gives it (RFC 9773)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sas_service.domain.arm_budget import PUBLISHED, BucketLimits
from sas_service.domain.policy import LEAST_LEFT
from sas_service.domain.tokens import TokenRecord

MARGIN = timedelta(minutes=5)
"""The Web SDK refetches 300 s before the expiry; a replacement should be there by then (azure-facts.md, section 7)."""

SOONEST = timedelta(seconds=30)
LATEST = timedelta(minutes=15)
CHECKS_PER_LIFE = 24
JITTER = 0.2
"""How often to ask: 24 times in a life, within these bounds, spread by a fifth so that a fleet does not ask at once.

Nobody asks more seldom than every quarter of an hour: an expedited revocation gives an hour, and is heard of by asking.
"""

MOVING = 0.4
"""Of the time until a run's deadline: when the last holder is told, before the run names those who have not moved."""


@dataclass(frozen=True, slots=True)
class RenewalWindow:
    """Replace the token at a random instant between ``start`` and ``end``; a window in the past means now."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class RenewalInformation:
    """What ``GET /v1/tokens/{id}/renewal`` says; ``retry_after`` is when to ask again."""

    window: RenewalWindow
    retry_after: timedelta
    reason: str | None
    explanation: str | None
    replacement: str | None


@dataclass(frozen=True, slots=True)
class MoveOrder:
    """A revocation's word to the holders of tokens: replace them. ``since`` is when it was given.

    ``holders`` of tokens have it, and are waited for until ``until``; None: what they hold is dead already.
    """

    since: datetime
    reason: str
    explanation: str
    holders: int = 1
    until: datetime | None = None


def moving_span(holders: int, writes: BucketLimits) -> timedelta:
    """Return over how long ``holders`` are told to move, so that each finds a signature when it comes.

    What is saved for one turn is had at once, the rest at the rate that is promised (docs/decisions/arm-budget.md).
    """
    return timedelta(seconds=max(0.0, holders - writes.turn_size) / writes.promised)


def renewal_information(
    record: TokenRecord,
    now: datetime,
    *,
    seed: str,
    order: MoveOrder | None = None,
    writes: BucketLimits = PUBLISHED,
) -> RenewalInformation:
    """Return what ``record`` says about its own renewal; ``seed`` differs per request and spreads the answers.

    With an ``order`` the window is one instant: in the past, which means now, or soon, where Azure cannot sign for all
    holders at once (``writes`` are its limits).
    """
    if order is not None:
        moment = _moment_to_move(order, record, writes)
        pace = _until(moment, SOONEST * _jittered(seed), now)
        told = RenewalWindow(start=moment, end=moment)
        return RenewalInformation(told, pace, order.reason, order.explanation, record.replaced_by)
    window = _window_of(record)
    life = record.grant.expiry - record.grant.start
    return RenewalInformation(
        window=window,
        retry_after=_ask_again(window, life, now, seed),
        reason=None,
        explanation=None,
        replacement=record.replaced_by,
    )


def _moment_to_move(order: MoveOrder, record: TokenRecord, writes: BucketLimits) -> datetime:
    """Spread the holders evenly, by their tokens: whoever asks again is told the same."""
    if order.until is None or record.is_shared:  # one shared token has one successor, which is there at once
        return order.since
    span = min(moving_span(order.holders, writes), MOVING * (order.until - order.since))
    # Nobody later than its own window: whose ends sooner is spread over what is left of it, for its start is too soon
    # for the many that are of one age, and the end is one instant for all of them.
    left = _window_of(record).end - order.since
    return order.since + max(min(span, left), timedelta()) * _fraction(record.id)


def _window_of(record: TokenRecord) -> RenewalWindow:
    """A shared token's successor is there at the latest when it is itself handed out no more; before, it may not be."""
    if record.is_shared:
        return RenewalWindow(start=record.grant.expiry - LEAST_LEFT, end=record.grant.expiry - MARGIN)
    return renewal_window(record.grant.start, record.grant.expiry)


def renewal_window(start: datetime, expiry: datetime) -> RenewalWindow:
    """Return the window from two thirds of the life to five minutes before its end.

    A short life leaves no room between the two: then the window is its twentieth part before the margin, and the
    margin is at most half of the life.
    """
    life = expiry - start
    end = expiry - min(MARGIN, life / 2)
    return RenewalWindow(start=min(start + life * 2 / 3, end - life / 20), end=end)


def asking_pace(life: timedelta) -> timedelta:
    """Return how often the holder of a token that lives for ``life`` asks, before it is spread."""
    return min(max(life / CHECKS_PER_LIFE, SOONEST), LATEST)


def heard_within(life: timedelta) -> timedelta:
    """Return the longest that the holder of a token that lives for ``life`` takes to ask, and so to hear an order."""
    return asking_pace(life) * (1 + JITTER)


def _ask_again(window: RenewalWindow, life: timedelta, now: datetime, seed: str) -> timedelta:
    return _until(window.end, asking_pace(life) * _jittered(seed), now)


def _until(end: datetime, pace: timedelta, now: datetime) -> timedelta:
    """Return ``pace``, or the time to ``end`` if that is sooner, but no less than a second."""
    return max(min(pace, end - now) if now < end else pace, timedelta(seconds=1))


def _jittered(seed: str) -> float:
    return 1 - JITTER + 2 * JITTER * _fraction(seed)


def _fraction(seed: str) -> float:
    return int.from_bytes(sha256(seed.encode()).digest()[:4], "big") / 2**32
