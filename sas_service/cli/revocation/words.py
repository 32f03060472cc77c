"""Small words of these pages: times as a person at night wants them, and the command that comes next."""

import shlex
from datetime import UTC, datetime, timedelta

from sas_service.domain.iso8601 import format_instant, parse_duration, parse_instant

_HOUR, _MINUTE = 3600, 60


def now() -> datetime:
    """Return this machine's time."""
    return datetime.now(UTC)


def clock(instant: datetime | None) -> str:
    """Return an instant in UTC and how far away it is: ``2026-11-22 03:10:00Z (in 14 min)``."""
    if instant is None:
        return "-"
    away = instant - now()
    told = f"in {span(away)}" if away > timedelta(0) else f"{span(-away)} ago"
    return f"{format_instant(instant.replace(microsecond=0)).replace('T', ' ')} ({told})"


def span(duration: timedelta) -> str:
    """Return a duration in its two largest units, roughly."""
    seconds = int(duration.total_seconds())
    days, rest = divmod(seconds, 24 * _HOUR)
    if days:
        return f"{days} d {rest // _HOUR} h"
    if seconds >= _HOUR:
        return f"{seconds // _HOUR} h {seconds % _HOUR // _MINUTE} min"
    return f"{seconds // _MINUTE} min" if seconds >= 2 * _MINUTE else f"{seconds} s"


def expected(text: str) -> str:
    """Return an expected time as the service wrote it (ISO 8601 or seconds), readable."""
    try:
        return span(parse_duration(text)) if text.startswith("P") else span(timedelta(seconds=float(text)))
    except ValueError:
        return text or "?"


def deadline(text: str) -> str:
    """Return a duration from now, or an instant, as it is; raises ValueError. The service counts, by its own clock."""
    if text.startswith("P"):
        parse_duration(text)
    else:
        parse_instant(text)
    return text


def counted(number: int, what: str) -> str:
    """Return ``1 token``, ``2 tokens``."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def command(action: str, run: str, more: str = "") -> str:
    """Return what to type to do ``action`` to ``run``."""
    return f"sas-service revoke {action} {shlex.quote(run)}{more}"


def until_now(begin: datetime | None) -> str:
    """Return how long ago something began, empty if nobody knows."""
    return f" in {span(now() - begin)}" if begin else ""
