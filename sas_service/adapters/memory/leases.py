"""Leases and their fences in a dictionary."""

from datetime import datetime
from threading import Lock

from sas_service.domain.errors import LeaseLost
from sas_service.ports import Lease


class MemoryLeases:
    """The port ``Leases``; ``checks_fences`` False leaves out the protection, to show what then happens."""

    def __init__(self, *, checks_fences: bool = True) -> None:
        self._newest: dict[str, Lease] = {}
        self._fences: dict[str, int] = {}
        self._checks_fences = checks_fences
        self._guard = Lock()

    def take(self, account: str, holder: str, *, until: datetime, now: datetime) -> Lease | None:
        """Return a lease, or None while somebody else has it."""
        with self._guard:
            newest = self._newest.get(account)
            is_own = newest is not None and newest.holder == holder
            if newest is not None and newest.until > now:
                if not is_own:
                    return None
                fence = newest.fence
            else:
                fence = self._fences.get(account, 0) + 1
            self._fences[account] = fence
            self._newest[account] = Lease(account, holder, fence, until)
            return self._newest[account]

    def release(self, lease: Lease) -> None:
        """Give it back if it is the newest; the fence stays used."""
        with self._guard:
            newest = self._newest.get(lease.account)
            if newest is not None and newest.fence == lease.fence:
                del self._newest[lease.account]

    def fence(self, account: str) -> int:
        """Return the newest fence."""
        return self._fences.get(account, 0)

    def bump(self, account: str) -> None:
        """Take the account from whoever has it: its fence is old from here on."""
        with self._guard:
            self._newest.pop(account, None)
            self._fences[account] = self._fences.get(account, 0) + 1

    def check(self, account: str, fence: int) -> None:
        """Raise LeaseLost unless this is the newest fence that was given: what every fenced script compares."""
        with self._guard:
            if self._checks_fences and fence != self._fences.get(account, 0):
                raise LeaseLost("Another runner has taken over the account.")
