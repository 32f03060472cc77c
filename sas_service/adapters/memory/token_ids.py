"""Token ids that count, so that a test can predict their order."""

from datetime import datetime
from itertools import count

from sas_service.adapters.token_ids import suffix


class MemoryTokenIds:
    """The port ``TokenIds``: within a millisecond, later ids sort after earlier ones."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def new(self, account: str, now: datetime) -> str:
        """Return an id that was never returned before."""
        return f"{account}.{suffix(now, next(self._numbers))}"
