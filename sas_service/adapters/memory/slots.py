"""Slots in a dictionary."""

from collections.abc import Mapping
from dataclasses import replace
from threading import Lock

from sas_service.domain.errors import NotFound
from sas_service.domain.slots import AccountSlots, SigningKey


class MemorySlots:
    """The port ``Slots``."""

    def __init__(self) -> None:
        self._accounts: dict[str, AccountSlots] = {}
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

    def move(self, account: str, *, epoch: int) -> None:
        """Move the epoch, as a switch would (the port has none yet)."""
        with self._guard:
            self._accounts[account] = replace(self._accounts[account], epoch=epoch)
