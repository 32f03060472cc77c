"""Suspensions in a dictionary, with a copy for each account as in Redis."""

from collections.abc import Collection, Sequence
from threading import Lock

from sas_service.ports import Suspension

_Name = tuple[str, str]


class MemorySuspensions:
    """The port ``Suspensions``."""

    def __init__(self) -> None:
        self._listed: dict[_Name, Suspension] = {}
        self._copies: dict[str, frozenset[_Name]] = {}
        self._guard = Lock()

    def list(self) -> tuple[Suspension, ...]:
        """Return all, by kind and id."""
        with self._guard:
            return tuple(self._listed[name] for name in sorted(self._listed))

    def put(self, suspension: Suspension, accounts: Sequence[str]) -> bool:
        """Suspend on every account; returns whether it is new."""
        name = (suspension.kind, suspension.id)
        with self._guard:
            knew = all(name in self._copies.get(account, ()) for account in accounts)
            is_new = name not in self._listed or not knew
            self._listed[name] = suspension
            self._copy(accounts)
            return is_new

    def delete(self, kind: str, suspended: str, accounts: Sequence[str]) -> bool:
        """Lift it; returns whether there was one."""
        name = (kind, suspended)
        with self._guard:
            was_copied = any(name in self._copies.get(account, ()) for account in accounts)
            was_listed = self._listed.pop(name, None) is not None
            self._copy(accounts)
            return was_listed or was_copied

    def sync(self, accounts: Sequence[str]) -> None:
        """Copy all to accounts that are new to the policy."""
        with self._guard:
            self._copy(accounts)

    def hold(self, account: str, names: Collection[_Name]) -> None:
        """Add to the account's copy alone (``LogRepair``)."""
        with self._guard:
            self._copies[account] = self._copies.get(account, frozenset()) | frozenset(names)

    def are_suspended(self, account: str, names: Sequence[_Name]) -> tuple[bool, ...]:
        """Tell of each (kind, id) whether it is suspended on the account: what ``reserve`` asks."""
        with self._guard:
            copied = self._copies.get(account, frozenset())
            return tuple(name in copied for name in names)

    def _copy(self, accounts: Sequence[str]) -> None:
        for account in accounts:
            self._copies[account] = frozenset(self._listed)
