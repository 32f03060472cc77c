"""ISO 8601 durations and RFC 3339 instants, read strictly and written in one form.

Months and years have no fixed length, so a duration may not use them: 365 days are written ``P365D``.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_DURATION = re.compile(
    r"P(?:(?P<weeks>\d{1,4})W|(?:(?P<days>\d{1,5})D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,7})M)?(?:(?P<seconds>\d{1,9})S)?)?)",
    re.ASCII,
)
_TOO_FINE = re.compile(r"(\.\d{6})\d+", re.ASCII)
_INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})",
    re.ASCII,
)


def parse_duration(text: str) -> timedelta:
    """Return the duration that ``text`` names, as in ``PT15M`` or ``P365D``.

    Raises ValueError for anything else, also for years and months and for a bare ``P`` or ``PT``.
    """
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        raise ValueError(
            "not an ISO 8601 duration of weeks, days, hours, minutes and seconds, such as PT15M or P365D"
            " (years and months have no fixed length)"
        )
    return timedelta(**{unit: int(number) for unit, number in match.groupdict().items() if number})


@lru_cache(1024)
def format_duration(duration: timedelta) -> str:
    """Write whole seconds of ``duration`` as ISO 8601: ``P365D``, ``PT1H30M``, ``PT0S``."""
    seconds = int(duration.total_seconds())
    sign, seconds = ("-" if seconds < 0 else ""), abs(seconds)
    days, seconds = divmod(seconds, 86_400)
    hours, seconds = divmod(seconds, 3_600)
    minutes, seconds = divmod(seconds, 60)
    date = f"{days}D" if days else ""
    time = "".join(f"{number}{unit}" for number, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if number)
    if not date and not time:
        time = "0S"
    return f"{sign}P{date}{'T' + time if time else ''}"


def parse_instant(text: str) -> datetime:
    """Return the instant that the RFC 3339 ``text`` names, in UTC; the offset must be written.

    Raises ValueError for anything else.
    """
    if _INSTANT.fullmatch(text) is None:
        raise ValueError("not an RFC 3339 date and time with an offset, such as 2026-11-21T08:00:00Z")
    # Azure writes seven digits of fraction; datetime reads at most six.
    trimmed = _TOO_FINE.sub(r"\1", text)
    try:
        return datetime.fromisoformat(trimmed.upper().replace(" ", "T")).astimezone(UTC)
    except OverflowError:
        raise ValueError("beyond the years 1 to 9999 in UTC") from None


def format_instant(instant: datetime) -> str:
    """Write ``instant`` as RFC 3339 in UTC, milliseconds only where there are any."""
    utc = instant if instant.tzinfo is UTC else instant.astimezone(UTC)
    precision = "milliseconds" if utc.microsecond >= 1000 else "seconds"  # noqa: PLR2004  microseconds in one
    return utc.isoformat(timespec=precision).replace("+00:00", "Z")


def whole_seconds(instant: datetime) -> datetime:
    """Drop the fraction: a JWT's ``exp`` and ``nbf`` count whole seconds."""
    return instant.replace(microsecond=0)
