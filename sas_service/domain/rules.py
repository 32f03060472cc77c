"""The rules that a request must keep, one small function each; every one says all that it has to say."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Final

from sas_service.domain.asking import Asking, shifted
from sas_service.domain.errors import Violation
from sas_service.domain.iso8601 import format_duration, format_instant
from sas_service.domain.limits import Limits
from sas_service.domain.policy import LOCATION_NAME, Sharing

Rule = Callable[[Asking, Limits], Iterator[Violation]]


def violations(asking: Asking, limits: Limits) -> tuple[Violation, ...]:
    """Return every way in which ``asking`` breaks a rule under ``limits``."""
    return tuple(violation for rule in RULES for violation in rule(asking, limits))


def _one_end(asking: Asking, _limits: Limits) -> Iterator[Violation]:
    if asking.request.lifetime is not None and asking.request.expiry is not None:
        asked = format_instant(asking.request.expiry)
        yield Violation("/expiry", asked, "either lifetime or expiry", "service.lifetimeOrExpiry")


def _start_before_end(asking: Asking, _limits: Limits) -> Iterator[Violation]:
    for end in asking.ends:
        if end.pointer == "/lifetime" and end.at <= end.base:
            yield Violation("/lifetime", end.asked, "more than PT0S", "service.startBeforeExpiry")
        elif asking.request.start is not None and end.at <= end.base:
            asked = format_instant(asking.request.start)
            yield Violation("/start", asked, f"before {end.asked}", "service.startBeforeExpiry")


def _end_in_future(asking: Asking, limits: Limits) -> Iterator[Violation]:
    usable = limits.minimum.value if limits.minimum else timedelta(seconds=1)
    for end in asking.ends:
        if asking.start is None and end.pointer == "/lifetime":
            continue  # counted from now: only its sign can be wrong, and that has a rule of its own
        if end.at <= asking.now:
            allowed = end.words(shifted(asking.now, usable))
            yield Violation(end.pointer, end.asked, allowed, "service.expiryInFuture")


def _not_too_long(asking: Asking, limits: Limits) -> Iterator[Violation]:
    for end in asking.ends:
        latest = shifted(end.base, limits.ceiling.value)
        if end.at - end.base > limits.ceiling.value:
            yield Violation(end.pointer, end.asked, end.words(latest), limits.ceiling.rule)


def _not_too_short(asking: Asking, limits: Limits) -> Iterator[Violation]:
    """Hold the usable part to the minimum: what lies before now is of no use to anybody."""
    if limits.minimum is None:
        return
    for end in asking.ends:
        usable_from = max(end.base, asking.now)
        sane = end.at > usable_from
        if sane and end.at - usable_from < limits.minimum.value:
            allowed = end.words(shifted(usable_from, limits.minimum.value))
            yield Violation(end.pointer, end.asked, allowed, limits.minimum.rule)


def _start_not_too_far(asking: Asking, limits: Limits) -> Iterator[Violation]:
    if asking.request.start is None or asking.start is None or limits.start_ahead is None:
        return
    latest = shifted(asking.now, limits.start_ahead.value)
    if asking.start > latest:
        asked = format_instant(asking.request.start)
        yield Violation("/start", asked, format_instant(latest), limits.start_ahead.rule)


def _rate(asking: Asking, limits: Limits) -> Iterator[Violation]:
    rate = asking.request.max_rate_per_second
    if rate is None:
        return
    if rate < 1:
        yield Violation("/maxRatePerSecond", rate, 1, "service.minimumRate")
    if rate > limits.rate.value:
        yield Violation("/maxRatePerSecond", rate, limits.rate.value, limits.rate.rule)


def _regions(asking: Asking, limits: Limits) -> Iterator[Violation]:
    asked = asking.request.regions
    if asked is None:
        return
    if not asked:
        allowed = list(limits.regions.value) if limits.regions else "at least one region"
        yield Violation("/regions", [], allowed, "service.regions")
    seen: set[str] = set()
    for index, region in enumerate(asked):
        if region.lower() in seen:
            yield Violation(f"/regions/{index}", region, "each region once", "service.regions")
        else:
            yield from _one_region(f"/regions/{index}", region, limits)
        seen.add(region.lower())


def _one_region(pointer: str, region: str, limits: Limits) -> Iterator[Violation]:
    if limits.regions is not None and region.lower() not in limits.regions.value:
        yield Violation(pointer, region, list(limits.regions.value), limits.regions.rule)
    elif limits.regions is None and re.fullmatch(LOCATION_NAME, region.lower(), re.ASCII) is None:
        yield Violation(pointer, region, "the name of an Azure location, such as eastus", "service.regions")


def _nothing_of_its_own(asking: Asking, limits: Limits) -> Iterator[Violation]:
    """Refuse wishes about a token that others have, too: they could only be granted with a token of one's own."""
    if limits.sharing is None or limits.sharing.value is not Sharing.SHARED:
        return
    request = asking.request
    allowed = "nothing: the profile is shared, all its callers get the same token"
    wishes: tuple[tuple[str, object], ...] = (
        ("/lifetime", format_duration(request.lifetime) if request.lifetime is not None else None),
        ("/expiry", format_instant(request.expiry) if request.expiry is not None else None),
        ("/start", format_instant(request.start) if request.start is not None else None),
        ("/regions", list(request.regions) if request.regions is not None else None),
        ("/maxRatePerSecond", request.max_rate_per_second),
    )
    for pointer, asked in wishes:
        if asked is not None:
            yield Violation(pointer, asked, allowed, limits.sharing.rule)


RULES: Final[tuple[Rule, ...]] = (
    _one_end,
    _start_before_end,
    _end_in_future,
    _not_too_long,
    _not_too_short,
    _start_not_too_far,
    _rate,
    _regions,
    _nothing_of_its_own,
)
"""In the order in which their violations are listed."""
