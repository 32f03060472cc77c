"""Slots in a dictionary."""

from collections.abc import Mapping
from dataclasses import replace
from threading import Lock

from sas_service.adapters.memory.leases import MemoryLeases
from sas_service.domain.errors import EpochMoved, NotFound
from sas_service.domain.slots import AccountSlots, SigningKey


class MemorySlots:
    """The ports ``Slots`` and ``SlotSwitch``; without ``leases`` no fence is old."""

    def __init__(self, leases: MemoryLeases | None = None) -> None:
        self._accounts: dict[str, AccountSlots] = {}
        self._frozen: dict[str, str] = {}
        self._leases = leases or MemoryLeases(checks_fences=False)
        self._guard = Lock()

    def read(self, account: str) -> AccountSlots:
        """Return what is active; NotFound before ``initialise``."""
        with self._guard:
            if account not in self._accounts:
                raise NotFound("The account has no slots yet.")
            return self._accounts[account]

    def initialise(self, account: str, identities: Mapping[str, str]) -> AccountSlots:
        """Give profiles that have none their first identity; never changes an existing one."""
        with self._guard:
            active = self._accounts.get(account) or AccountSlots(account, 1, SigningKey.PRIMARY, {})
            active = replace(active, identities={**identities, **active.identities})
            self._accounts[account] = active
            return active

    def switch(
        self, account: str, *, after_epoch: int, signing_key: SigningKey, identities: Mapping[str, str], fence: int
    ) -> AccountSlots:
        """Set the key and the identities named, and count the epoch up, all or nothing."""
        self._leases.check(account, fence)
        with self._guard:
            if account not in self._accounts:
                raise NotFound("The account has no slots yet.")
            active = self._accounts[account]
            wanted = AccountSlots(account, after_epoch + 1, signing_key, {**active.identities, **identities})
            if active == wanted:
                return active
            if active.epoch != after_epoch:
                raise EpochMoved("The account was switched by somebody else.")
            self._accounts[account] = wanted
            return wanted

    def frozen(self, account: str) -> str | None:
        """Return the id of the lockdown that holds the account: what ``reserve`` asks."""
        with self._guard:
            return self._frozen.get(account)

    def freeze(self, account: str, lockdown: str) -> int:
        """Let a lockdown hold the account and count the epoch up; returns the epoch before."""
        epoch = self.read(account).epoch
        self.move(account, epoch=epoch + 1)
        with self._guard:
            self._frozen[account] = lockdown
        return epoch

    def thaw(self, account: str) -> None:
        """Free the account."""
        with self._guard:
            self._frozen.pop(account, None)

    def hold(self, account: str, lockdown: str | None) -> None:
        """Let a lockdown hold the account, or nothing (``LogRepair``)."""
        with self._guard:
            self._frozen = {name: each for name, each in self._frozen.items() if name != account}
            if lockdown is not None:
                self._frozen[account] = lockdown

    def restore(self, slots: AccountSlots) -> None:
        """Take these if the epoch is lower here; at the same one only what is lacking (``LogRepair``)."""
        with self._guard:
            known = self._accounts.get(slots.account)
            if known is None or known.epoch < slots.epoch:
                before = known.identities if known else {}
                self._accounts[slots.account] = replace(slots, identities={**before, **slots.identities})
            elif known.epoch == slots.epoch:
                identities = {**slots.identities, **known.identities}
                self._accounts[slots.account] = replace(known, identities=identities)

    def move(self, account: str, *, epoch: int) -> None:
        """Move the epoch alone: what tests need of a switch."""
        with self._guard:
            self._accounts[account] = replace(self._accounts[account], epoch=epoch)
