"""Instants and durations as the whole milliseconds that Redis scores and expiries are made of."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def milliseconds(instant: datetime) -> int:
    """Return ``instant`` as milliseconds since 1970."""
    return (instant - EPOCH) // _MILLISECOND


def milliseconds_of(duration: timedelta) -> int:
    """Return ``duration`` in milliseconds."""
    return duration // _MILLISECOND
