"""A clock that stands still until it is told to move."""

from datetime import UTC, datetime, timedelta


class MemoryClock:
    """The port ``Clock``, settable."""

    def __init__(self, now: datetime | None = None) -> None:
        self._now = now or datetime.now(UTC)

    def now(self) -> datetime:
        """Return the instant that was set."""
        return self._now

    def set(self, now: datetime) -> None:
        """Make it ``now``."""
        self._now = now

    def advance(self, by: timedelta) -> datetime:
        """Let ``by`` pass; returns the new instant."""
        self._now += by
        return self._now
