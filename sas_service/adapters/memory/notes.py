"""What a worker remembers of an account, in dictionaries."""

from sas_service.adapters.memory.leases import MemoryLeases
from sas_service.domain.drift import Known
from sas_service.domain.runs import Revocation


class MemoryNotes:
    """The port ``AccountNotes``."""

    def __init__(self, leases: MemoryLeases) -> None:
        self._leases = leases
        self._known: dict[str, Known] = {}
        self._standby: dict[str, Revocation] = {}

    def known(self, account: str) -> Known | None:
        """Return what was last known to be right."""
        return self._known.get(account)

    def keep_known(self, known: Known, *, fence: int) -> None:
        """Remember it."""
        self._leases.check(known.account, fence)
        self._known[known.account] = known

    def forget_known(self, account: str) -> None:
        """Let the next look take what is there for right."""
        self._known.pop(account, None)

    def standby(self, account: str) -> Revocation | None:
        """Return how far the standby's upkeep is."""
        return self._standby.get(account)

    def keep_standby(self, upkeep: Revocation, *, fence: int) -> None:
        """Remember it."""
        self._leases.check(upkeep.account, fence)
        self._standby[upkeep.account] = upkeep
