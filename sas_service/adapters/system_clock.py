"""The port Clock: this machine's time; the service has no hook to move it."""

from datetime import UTC, datetime


class SystemClock:
    """The system's clock in UTC."""

    def now(self) -> datetime:
        """Return the current instant."""
        return datetime.now(UTC)
