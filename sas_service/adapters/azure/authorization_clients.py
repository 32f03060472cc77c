"""Clients of azure-mgmt-authorization, pinned to one api-version."""

from typing import TYPE_CHECKING

from sas_service.adapters.azure.arm_clients import PerSubscription
from sas_service.adapters.azure.arm_pipeline import arm_policies
from sas_service.adapters.azure.origins import trusted_origin
from sas_service.adapters.azure.prefetched_credential import PrefetchedCredential
from sas_service.adapters.azure.transport import Outbound

if TYPE_CHECKING:
    from azure.mgmt.authorization import AuthorizationManagementClient

API_VERSION = "2022-04-01"


def authorization_clients(
    credential: PrefetchedCredential, outbound: Outbound, base_url: str
) -> "PerSubscription[AuthorizationManagementClient]":
    """Return the clients of one credential; raises ValueError where a secret would cross a network in the clear."""
    trusted_origin(base_url)
    address = base_url.rstrip("/")

    def build(subscription: str) -> "AuthorizationManagementClient":
        from azure.mgmt.authorization import AuthorizationManagementClient

        return AuthorizationManagementClient(
            credential,
            subscription,
            api_version=API_VERSION,
            base_url=address,
            transport=outbound.transport(),
            policies=arm_policies(credential, address),
        )

    return PerSubscription(build)
