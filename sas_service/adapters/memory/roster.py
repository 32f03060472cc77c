"""The roster of accounts in a set."""

from collections.abc import Collection


class MemoryRoster:
    """The port ``Roster``."""

    def __init__(self) -> None:
        self._accounts = frozenset[str]()

    def read(self) -> frozenset[str]:
        """Return every account on it."""
        return self._accounts

    def add(self, accounts: Collection[str]) -> None:
        """Remember these, too."""
        self._accounts |= frozenset(accounts)
