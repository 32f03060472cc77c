"""How ARM shows an Azure Maps account."""

from typing import Any

from sas_service.emulator.index import MAPS, Index
from sas_service.emulator.scopes import Placed, canonical
from sas_service.emulator.world import MapsAccount


def account_document(placed: Placed[MapsAccount], index: Index, now: float) -> dict[str, Any]:
    """Return the account's JSON."""
    account = placed.item
    document: dict[str, Any] = {
        "id": placed.id,
        "name": account.name,
        "type": MAPS,
        "location": account.location,
        "kind": account.kind,
        "sku": {"name": account.sku, "tier": "Standard"},
        "systemData": account.system_data,
        "properties": _properties(account, now),
    }
    if account.tags is not None:
        document["tags"] = account.tags
    identity = _identity(placed, index)
    if identity:
        document["identity"] = identity
    return document


def _properties(account: MapsAccount, now: float) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "uniqueId": account.unique_id,
        "provisioningState": "Updating" if account.provisioned_at > now else "Succeeded",
        "disableLocalAuth": account.disable_local_auth,
    }
    optional = {
        "linkedResources": account.linked_resources,
        "cors": account.cors,
        "encryption": account.encryption,
    }
    return properties | {name: value for name, value in optional.items() if value is not None}


def _identity(placed: Placed[MapsAccount], index: Index) -> dict[str, Any] | None:
    account = placed.item
    kinds = ["SystemAssigned"] * account.system_assigned + ["UserAssigned"] * bool(account.identities)
    if not kinds:
        return None
    document: dict[str, Any] = {"type": ", ".join(kinds)}
    if account.system_assigned:
        document |= {"principalId": account.system_principal_id, "tenantId": placed.subscription.tenant}
    if account.identities:
        document["userAssignedIdentities"] = {own_id: _ids(own_id, index) for own_id in account.identities}
    return document


def _ids(own_id: str, index: Index) -> dict[str, str]:
    identity = index.identities.get(canonical(own_id))
    # A deleted identity stays listed, without ids, until it is detached.
    return {"clientId": identity.item.client_id, "principalId": identity.item.principal_id} if identity else {}
