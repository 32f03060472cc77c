"""A TokenRequest seen in whole seconds of time, ready to be held against limits."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sas_service.domain.iso8601 import format_duration, format_instant, whole_seconds
from sas_service.domain.limits import Limits
from sas_service.domain.tokens import TokenRequest

_LAST_INSTANT = datetime.max.replace(microsecond=0, tzinfo=UTC)
_FIRST_INSTANT = datetime.min.replace(tzinfo=UTC)


def shifted(instant: datetime, by: timedelta) -> datetime:
    """Add, but stop at the ends of the calendar: a start in the year 9999 is a refusal, not a crash."""
    try:
        return instant + by
    except OverflowError:
        return _LAST_INSTANT if by > timedelta() else _FIRST_INSTANT


@dataclass(frozen=True, slots=True)
class End:
    """One way in which a request says when the token ends: ``at``, counted from ``base``, as written in ``pointer``."""

    pointer: str
    base: datetime
    at: datetime
    asked: str

    def words(self, instant: datetime) -> str:
        """Write ``instant`` as the request would have to: an instant for an expiry, else a duration."""
        return format_instant(instant) if self.pointer == "/expiry" else format_duration(instant - self.base)


@dataclass(frozen=True, slots=True)
class Asking:
    """The request at ``now``; every instant is a whole second, rounded so that a token is never wider than asked."""

    request: TokenRequest
    now: datetime
    start: datetime | None
    ends: tuple[End, ...]

    @classmethod
    def at(cls, request: TokenRequest, now: datetime, limits: Limits) -> "Asking":
        """Round the request's times, and fill in the default lifetime where it names no end."""
        now = whole_seconds(now)
        start = _next_second(request.start) if request.start is not None else None
        return cls(request, now, start, _ends(request, start or now, limits))


def _ends(request: TokenRequest, base: datetime, limits: Limits) -> tuple[End, ...]:
    """Return each end that was asked for: two of them is an error, but both are then looked at."""
    ends = []
    lifetime = request.lifetime
    if lifetime is None and request.expiry is None and limits.default is not None:
        lifetime = limits.default.value
    if lifetime is not None:
        at = whole_seconds(shifted(base, lifetime))
        ends.append(End("/lifetime", base, at, format_duration(lifetime)))
    if request.expiry is not None:
        ends.append(End("/expiry", base, whole_seconds(request.expiry), format_instant(request.expiry)))
    return tuple(ends)


def _next_second(instant: datetime) -> datetime:
    floor = whole_seconds(instant)
    return floor if floor == instant else shifted(floor, timedelta(seconds=1))
