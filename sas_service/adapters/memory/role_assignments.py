"""Role assignments in a dictionary."""

from collections.abc import Mapping

from sas_service.adapters.memory.failing import Failing
from sas_service.ports import EffectiveRole


class MemoryRoleAssignments(Failing):
    """The port ``RoleAssignments``: principal -> its roles, on whatever account; ``fail_with`` lets reads raise."""

    def __init__(self, roles: Mapping[str, tuple[EffectiveRole, ...]]) -> None:
        super().__init__()
        self.roles = dict(roles)

    def effective(self, account: str, principal_id: str) -> tuple[EffectiveRole, ...]:  # noqa: ARG002  one account
        """Return every role that ``principal_id`` has."""
        self._fail_if_told()
        return self.roles.get(principal_id, ())
