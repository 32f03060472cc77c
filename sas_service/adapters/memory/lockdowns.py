"""Lockdowns in a dictionary."""

from collections.abc import Iterable
from dataclasses import replace
from threading import RLock

from sas_service.adapters.memory.failing import Failing
from sas_service.adapters.memory.leases import MemoryLeases
from sas_service.adapters.memory.slots import MemorySlots
from sas_service.domain.errors import RevisionConflict
from sas_service.domain.lockdowns import Lockdown
from sas_service.ports import Lease


class MemoryLockdowns(Failing):
    """The port ``Lockdowns``; ``fail_with`` lets the next writes raise."""

    def __init__(self, slots: MemorySlots, leases: MemoryLeases) -> None:
        super().__init__()
        self._slots = slots
        self._leases = leases
        self._kept: dict[str, Lockdown] = {}
        self._guard = RLock()

    def current(self, account: str) -> Lockdown | None:
        """Return the lockdown that holds the account."""
        with self._guard:
            return self._kept.get(self._slots.frozen(account) or "")

    def of(self, account: str) -> tuple[Lockdown, ...]:
        """Return all of an account, newest first."""
        with self._guard:
            return tuple(each for each in reversed(self._kept.values()) if each.account == account)

    def begin(self, lockdown: Lockdown, *, instead_of: Lockdown | None = None) -> Lockdown:
        """Freeze the account, or return what holds it."""
        self._fail_if_told()
        with self._guard:
            self._slots.read(lockdown.account)
            current = self.current(lockdown.account)
            if current is not None and (instead_of is None or instead_of.id != current.id):
                return current
            if instead_of is not None:
                self._keep(instead_of)
            kept = replace(lockdown, revision=1, epoch=self._slots.freeze(lockdown.account, lockdown.id))
            self._leases.bump(lockdown.account)
            self._kept[kept.id] = kept
            return kept

    def amend(self, lockdown: Lockdown) -> Lockdown:
        """Write what a person decided."""
        self._fail_if_told()
        with self._guard:
            return self._keep(lockdown)

    def save(self, lockdown: Lockdown, *, lease: Lease) -> Lockdown:
        """Write what a worker did; one that is over frees the account."""
        self._fail_if_told()
        with self._guard:
            self._leases.check(lockdown.account, lease.fence)
            kept = self._keep(lockdown)
            if kept.is_over and self._slots.frozen(kept.account) == kept.id:
                self._slots.thaw(kept.account)
            return kept

    def restore(self, lockdowns: Iterable[Lockdown]) -> None:
        """Keep these, whatever was there (``LogRepair``)."""
        with self._guard:
            self._kept.update((each.id, each) for each in lockdowns)

    def _keep(self, lockdown: Lockdown) -> Lockdown:
        kept = replace(lockdown, revision=lockdown.revision + 1)
        stored = self._kept.get(lockdown.id)
        if stored == kept:
            return kept
        if stored is None or stored.revision != lockdown.revision:
            raise RevisionConflict("Somebody else has written to the lockdown since it was read.")
        self._kept[kept.id] = kept
        return kept
