"""Management locks in a list."""

from sas_service.adapters.memory.failing import Failing
from sas_service.ports import ManagementLock


class MemoryManagementLocks(Failing):
    """The port ``ManagementLocks``: the same locks over every account; ``fail_with`` lets reads raise."""

    def __init__(self, *locks: ManagementLock) -> None:
        super().__init__()
        self.locks = locks

    def over(self, account: str) -> tuple[ManagementLock, ...]:  # noqa: ARG002  the same over every account
        """Return the locks."""
        self._fail_if_told()
        return self.locks
