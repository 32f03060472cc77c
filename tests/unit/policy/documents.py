"""A policy document to vary, and the Policy that it says."""

from datetime import UTC, datetime

from sas_service.adapters.policy_file import parse_policy
from sas_service.domain.callers import Caller
from sas_service.domain.policy import Policy
from sas_service.domain.slots import SigningKey, Slot

NOW = datetime(2026, 11, 21, 8, 0, 0, tzinfo=UTC)
STOREFRONT_APP = "a0000000-0000-4000-8000-000000000002"
STOREFRONT_GROUP = "c0000000-0000-4000-8000-00000000000c"
LOGISTICS_OBJECT = "a0000000-0000-4000-8000-0000000000a5"
NOBODY = "ffffffff-0000-4000-8000-00000000ffff"
IDENTITIES = (
    "/subscriptions/d0000000-0000-4000-8000-000000000001/resourceGroups/maps-rg"
    "/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
)

GOOD = f"""\
version: 1
accounts:
  maps-demo:
    subscription: d0000000-0000-4000-8000-000000000001
    resourceGroup: maps-rg
    hosts: ["https://us.atlas.microsoft.com", "http://127.0.0.1:8081"]
    platformCeiling: P365D
    identities:
      storefront-web-a: {IDENTITIES}/storefront-web-a
      storefront-web-b: {IDENTITIES}/storefront-web-b
      logistics-batch-a: {IDENTITIES}/logistics-batch-a
      logistics-batch-b: {IDENTITIES}/logistics-batch-b
  maps-day:
    subscription: d0000000-0000-4000-8000-000000000001
    resourceGroup: maps-rg
    hosts: [https://eu.atlas.microsoft.com]
    identities:
      world-a: {IDENTITIES}/world-a
      world-b: {IDENTITIES}/world-b
profiles:
  storefront-web:
    account: maps-demo
    dataRole: Azure Maps Data Reader
    identities: [storefront-web-a, storefront-web-b]
    regions: [eastus, westus2, westcentralus]
    maxRatePerSecond: 50
    lifetime:
      min: PT10M
      max: PT2H
      default: PT1H
    cors: [https://shop.example]
  logistics-batch:
    account: maps-demo
    dataRole: Azure Maps Data Read and Batch Role
    identities: [logistics-batch-a, logistics-batch-b]
    regions: [eastus, westus2]
    maxRatePerSecond: 500
    lifetime: {{max: P365D}}
  world:
    account: maps-day
    dataRole: Azure Maps Data Reader
    identities: [world-a, world-b]
    regions: any
    maxRatePerSecond: 500
    lifetime: {{max: PT24H}}
    startAhead: P1D
    sharing: shared
teams:
  storefront:
    members:
      applications: [{STOREFRONT_APP}]
      groups: [{STOREFRONT_GROUP}]
    profiles: [storefront-web, world]
  logistics:
    members: {{objects: [{LOGISTICS_OBJECT}]}}
    profiles: [logistics-batch]
"""


def varied(*changes: tuple[str, str]) -> str:
    """The good document with each text replaced where it first stands."""
    text = GOOD
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def policy(*changes: tuple[str, str]) -> Policy:
    return parse_policy(varied(*changes).encode(), "policy.yaml")


def caller(*, application: str = NOBODY, object_id: str = NOBODY, groups: frozenset[str] = frozenset()) -> Caller:
    return Caller(
        tenant_id=NOBODY,
        object_id=object_id,
        application_id=application,
        kind="application",
        roles=frozenset(),
        groups=groups,
    )


STOREFRONT = caller(application=STOREFRONT_APP)
LOGISTICS = caller(object_id=LOGISTICS_OBJECT)
STRANGER = caller()


def slot(account: str) -> Slot:
    return Slot(account, 7, SigningKey.SECONDARY, "some-identity", "some-principal")
