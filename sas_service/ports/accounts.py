"""Which accounts there are to look after: more than the policy names today."""

from collections.abc import Callable, Collection
from typing import Protocol

Accounts = Callable[[], tuple[str, ...]]
"""Returns every account that something may be kept of, by name; never raises for a server that is away."""


class Roster(Protocol):
    """Every account that was ever in the policy, or said anything. All methods raise AuditLogUnavailable."""

    def read(self) -> frozenset[str]:
        """Return them."""
        ...

    def add(self, accounts: Collection[str]) -> None:
        """Remember these, too."""
        ...
