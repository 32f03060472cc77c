"""When a token should be replaced, and when to ask again: renewal information, as ACME's ARI gives it (RFC 9773)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

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
    """A revocation's word to the holder of a token: replace it now. ``since`` is when it was given."""

    since: datetime
    reason: str
    explanation: str


def renewal_information(
    record: TokenRecord, now: datetime, *, seed: str, order: MoveOrder | None = None
) -> RenewalInformation:
    """Return what ``record`` says about its own renewal; ``seed`` differs per request and spreads the answers.

    With an ``order`` the window is in the past: now.
    """
    if order is not None:
        pace = SOONEST * (1 - JITTER + 2 * JITTER * _fraction(seed))
        past = RenewalWindow(start=order.since, end=order.since)
        return RenewalInformation(past, pace, order.reason, order.explanation, record.replaced_by)
    window = renewal_window(record.grant.start, record.grant.expiry)
    life = record.grant.expiry - record.grant.start
    return RenewalInformation(
        window=window,
        retry_after=_ask_again(window, life, now, seed),
        reason=None,
        explanation=None,
        replacement=record.replaced_by,
    )


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


def _ask_again(window: RenewalWindow, life: timedelta, now: datetime, seed: str) -> timedelta:
    jittered = asking_pace(life) * (1 - JITTER + 2 * JITTER * _fraction(seed))
    if now < window.end:
        jittered = min(jittered, window.end - now)
    return max(jittered, timedelta(seconds=1))


def _fraction(seed: str) -> float:
    return int.from_bytes(sha256(seed.encode()).digest()[:4], "big") / 2**32
