"""Clients of azure-mgmt-maps, pinned to one api-version."""

from azure.mgmt.maps import AzureMapsManagementClient

from sas_service.adapters.azure.arm_clients import PerSubscription
from sas_service.adapters.azure.arm_pipeline import arm_policies
from sas_service.adapters.azure.arm_writes import ArmWrites
from sas_service.adapters.azure.origins import trusted_origin
from sas_service.adapters.azure.prefetched_credential import PrefetchedCredential
from sas_service.adapters.azure.transport import Outbound

PUBLIC_CLOUD = "https://management.azure.com"

API_VERSION = "2023-06-01"
"""Later versions turn updates into long-running operations that the SDK cannot follow (azure-facts.md, section 1.1)."""


def maps_clients(
    credential: PrefetchedCredential, outbound: Outbound, base_url: str, writes: ArmWrites | None = None
) -> PerSubscription[AzureMapsManagementClient]:
    """Return the clients of one credential; raises ValueError where a secret would cross a network in the clear."""
    trusted_origin(base_url)
    address = base_url.rstrip("/")

    def build(subscription: str) -> AzureMapsManagementClient:
        return AzureMapsManagementClient(
            credential,
            subscription,
            base_url=address,
            api_version=API_VERSION,
            transport=outbound.transport(),
            policies=arm_policies(credential, address, writes),
        )

    return PerSubscription(build)
