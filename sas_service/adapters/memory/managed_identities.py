"""Managed identities in a dictionary."""

from collections.abc import Mapping

from sas_service.adapters.memory.failing import Failing
from sas_service.domain.errors import AzureRefused


class MemoryManagedIdentities(Failing):
    """The port ``ManagedIdentities``: resource id -> location; ``fail_with`` lets reads raise."""

    def __init__(self, locations: Mapping[str, str]) -> None:
        super().__init__()
        self.locations = dict(locations)

    def location(self, resource_id: str) -> str:
        """Return where the identity lives."""
        self._fail_if_told()
        if resource_id not in self.locations:
            raise AzureRefused("Azure refused the call (ResourceNotFound).", code="ResourceNotFound")
        return self.locations[resource_id]
