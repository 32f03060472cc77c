"""Reads user-assigned managed identities: doctor wants to know where they live."""

import re
from typing import TYPE_CHECKING

from sas_service.adapters.azure.arm_clients import PerSubscription
from sas_service.adapters.azure.arm_pipeline import arm_policies
from sas_service.adapters.azure.attempts import Attempts, Patience, Timeouts
from sas_service.adapters.azure.errors import Failure, unreadable
from sas_service.adapters.azure.maps_clients import PUBLIC_CLOUD
from sas_service.adapters.azure.origins import trusted_origin
from sas_service.adapters.azure.prefetched_credential import PrefetchedCredential
from sas_service.adapters.azure.transport import Outbound

if TYPE_CHECKING:
    from azure.mgmt.msi import ManagedServiceIdentityClient

API_VERSION = "2024-11-30"

_RESOURCE_ID = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)"
    r"/providers/Microsoft\.ManagedIdentity/userAssignedIdentities/(?P<name>[^/]+)",
    re.IGNORECASE,
)


class AzureManagedIdentities:
    """Managed identities as the management API shows them."""

    def __init__(
        self,
        *,
        credential: PrefetchedCredential,
        outbound: Outbound,
        base_url: str = PUBLIC_CLOUD,
        attempts: Attempts | None = None,
    ) -> None:
        trusted_origin(base_url)
        self._credential = credential
        self._outbound = outbound
        self._base_url = base_url.rstrip("/")
        self._attempts = attempts or Attempts(Patience())
        self._clients = PerSubscription(self._new_client)

    def location(self, resource_id: str) -> str:
        """Return where the identity lives; ValueError for what is no identity's ARM id."""
        parts = _RESOURCE_ID.fullmatch(resource_id)
        if parts is None:
            raise ValueError("not the ARM id of a user-assigned managed identity")
        client = self._clients.get(parts["subscription"])

        def send(timeouts: Timeouts) -> str | Failure:
            identity = client.user_assigned_identities.get(
                parts["group"],
                parts["name"],
                connection_timeout=timeouts.connection_timeout,
                read_timeout=timeouts.read_timeout,
            )
            return identity.location if isinstance(identity.location, str) else unreadable()

        return self._attempts.run("Get managed identity", send).answer

    def _new_client(self, subscription: str) -> "ManagedServiceIdentityClient":
        from azure.mgmt.msi import ManagedServiceIdentityClient

        return ManagedServiceIdentityClient(
            self._credential,
            subscription,
            api_version=API_VERSION,
            base_url=self._base_url,
            transport=self._outbound.transport(),
            policies=arm_policies(self._credential, self._base_url),
        )
