"""Shared tokens: how long one is handed out, when its successor is made, and what they all have in common."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sas_service.domain.iso8601 import format_duration
from sas_service.domain.policy import LEAST_LEFT, Account, Profile

MARGIN = timedelta(minutes=1)
"""The least time between the end of a window and the instant from which its token is handed out no more."""

JITTER = 0.25
"""The part of that time over which refreshes are spread, so that windows of many profiles do not end together."""

SOONEST_FORCED = timedelta(minutes=1)
FORCED_PER_WINDOW = 8
"""A caller may insist on a newer token this often in a window: each one is a signature, and lives for hours."""


@dataclass(frozen=True, slots=True)
class Window:
    """How long a profile's shared tokens live (``lifetime``), and for how long one is the current one (``length``)."""

    lifetime: timedelta
    length: timedelta

    @classmethod
    def of(cls, profile: Profile) -> "Window":
        """Return what the profile says; without a ``window`` of its own it is two thirds of the time of handing out."""
        usable = profile.default_lifetime - LEAST_LEFT
        return cls(profile.default_lifetime, profile.window or usable * 2 / 3)

    def schedule(self, issued: datetime, expiry: datetime, seed: str) -> "Schedule":
        """Return what happens when to a token; ``seed`` (its id) spreads the refreshes of many."""
        last = expiry - LEAST_LEFT
        end = issued + self.length
        ahead = max(last - end, timedelta())
        return Schedule(refresh=end + ahead * JITTER * _fraction(seed), last=last)

    @property
    def spacing(self) -> timedelta:
        """How old a token must be before a caller who insists on a newer one has it made."""
        return max(SOONEST_FORCED, self.length / FORCED_PER_WINDOW)


@dataclass(frozen=True, slots=True)
class Schedule:
    """From ``refresh`` on whoever asks makes the next token; after ``last`` this one is handed out to nobody."""

    refresh: datetime
    last: datetime


def terms(account: Account, profile: Profile) -> str:
    """Name all that a shared token depends on but the slot: 16 hexadecimal digits.

    A token made under other terms is another token. So a narrower policy counts from the next hand-out on, and
    processes that have read a new policy already do not take turns with those that have not.
    """
    window = Window.of(profile)
    said = [
        account.resource_id,
        list(account.hosts),
        profile.data_role,
        None if profile.regions is None else list(profile.regions),
        profile.max_rate_per_second,
        format_duration(window.lifetime),
        format_duration(window.length),
    ]
    return sha256(json.dumps(said).encode()).hexdigest()[:16]


def _fraction(seed: str) -> float:
    return int.from_bytes(sha256(seed.encode()).digest()[:4], "big") / 2**32
