"""What tokens can cost at worst: one, and all that are live together."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sas_service.domain.tokens import Grant


def worst_case_transactions(grant: Grant) -> int | None:
    """Return the most billable transactions that the token allows, None if it is unconstrained."""
    return worst_case(grant.max_rate_per_second, grant.regions, grant.expiry - grant.start)


def worst_case(rate: int, regions: tuple[str, ...] | None, lifetime: timedelta) -> int | None:
    """Return rate x locations x seconds, None without named regions.

    Source: seed 004, "Rate limits are enforced per Azure location": each location has a counter of its own.
    """
    return None if regions is None else rate * len(regions) * int(lifetime.total_seconds())


K = TypeVar("K", str, tuple[str, str, str])

ANYWHERE = "any"
"""Stands for every location: where tokens count that no region constrains."""


@dataclass(slots=True)
class Exposed:
    """Some live tokens and the worst that they can do from now on.

    ``requests_per_second`` and ``transactions`` (billable, until each expires) are over all locations of each token.
    Tokens without named regions have no such bound: they are in ``tokens`` and ``unconstrained`` alone.
    """

    tokens: int = 0
    requests_per_second: int = 0
    transactions: int = 0
    unconstrained: int = 0

    def add(self, rate: int, seconds: int, locations: int | None) -> None:
        """Count one more token."""
        self.tokens += 1
        if locations is None:
            self.unconstrained += 1
            return
        self.requests_per_second += rate * locations
        self.transactions += rate * locations * seconds


@dataclass(frozen=True, slots=True)
class Exposure:
    """All of it, and the same by team, by profile, by location and by slot (account, key, identity)."""

    at: datetime
    total: Exposed
    teams: Mapping[str, Exposed]
    profiles: Mapping[str, Exposed]
    locations: Mapping[str, Exposed]
    slots: Mapping[tuple[str, str, str], Exposed]


def exposure(grants: Iterable[Grant], now: datetime) -> Exposure:
    """Add up live tokens, each once however many callers share it.

    A location's row has what may happen there: a token of two regions is in two rows, one without regions in each row
    (the data plane of any location takes it) and in ``ANYWHERE``, which tells of one location that is not named.
    """
    total = Exposed()
    teams, profiles = defaultdict[str, Exposed](Exposed), defaultdict[str, Exposed](Exposed)
    locations, slots = defaultdict[str, Exposed](Exposed), defaultdict[tuple[str, str, str], Exposed](Exposed)
    for grant in grants:
        rate, seconds = grant.max_rate_per_second, _seconds(grant.expiry - max(grant.start, now))
        count = None if grant.regions is None else len(grant.regions)
        slot = (grant.account, grant.signing_key.value, grant.identity)
        for row in (total, teams[grant.team], profiles[grant.profile], slots[slot]):
            row.add(rate, seconds, count)
        for location in (ANYWHERE,) if grant.regions is None else grant.regions:
            locations[location].add(rate, seconds, 1)
    everywhere = locations.get(ANYWHERE)
    if everywhere:
        for name in locations.keys() - {ANYWHERE}:
            _join(locations[name], everywhere)
    return Exposure(now, total, _sorted(teams), _sorted(profiles), _sorted(locations), _sorted(slots))


def _sorted(rows: Mapping[K, Exposed]) -> dict[K, Exposed]:
    return dict(sorted(rows.items()))


def _join(row: Exposed, more: Exposed) -> None:
    row.tokens += more.tokens
    row.requests_per_second += more.requests_per_second
    row.transactions += more.transactions


def _seconds(left: timedelta) -> int:
    """Return whole seconds, rounded up."""
    return max(0, -(-left // timedelta(seconds=1)))
