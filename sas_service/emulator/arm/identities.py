"""Microsoft.ManagedIdentity/userAssignedIdentities: make, show, tag and delete them."""

from collections.abc import Callable
from typing import Any

from werkzeug import Response

from sas_service.emulator.answers import json_answer
from sas_service.emulator.arm.account_changes import plain_location
from sas_service.emulator.arm.errors import refuse
from sas_service.emulator.arm.gate import Call, Operation
from sas_service.emulator.index import IDENTITIES
from sas_service.emulator.scopes import Placed, canonical, resource_id
from sas_service.emulator.seeding import new_id
from sas_service.emulator.store import Store
from sas_service.emulator.world import ManagedIdentity

_GROUP = "/subscriptions/{subscription}/resourceGroups/{group}"
_ONE = _GROUP + "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{identity}"
_VERSIONS = frozenset(
    {
        "2015-08-31-preview",
        "2018-11-30",
        "2021-09-30-preview",
        "2022-01-31-preview",
        "2023-01-31",
        "2023-07-31-preview",
        "2024-11-30",
        "2025-01-31-preview",
    }
)


class Identities:
    """The user-assigned identities."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def operations(self) -> list[Operation]:
        """Return the table of operations."""
        table: list[tuple[str, str, str, Callable[[Call], Response]]] = [
            ("getIdentity", "GET", "read", self.get),
            ("putIdentity", "PUT", "write", self.put),
            ("updateIdentity", "PATCH", "write", self.patch),
            ("deleteIdentity", "DELETE", "delete", self.delete),
        ]
        single = [
            Operation(name, method, _ONE, f"{IDENTITIES}/{verb}", _VERSIONS, answer, _ONE)
            for name, method, verb, answer in table
        ]
        lists = [
            Operation(
                "listIdentities",
                "GET",
                f"{scope}/providers/{IDENTITIES}",
                f"{IDENTITIES}/read",
                _VERSIONS,
                self.list,
                scope,
            )
            for scope in (_GROUP, "/subscriptions/{subscription}")
        ]
        return [*single, *lists]

    def get(self, call: Call) -> Response:
        """Return one identity."""
        return json_answer(_document(self._find(call)))

    def list(self, call: Call) -> Response:
        """Return the identities of a subscription or a resource group."""
        if "group" in call.parts:
            call.place  # noqa: B018 - refuses an unknown resource group
        inside = canonical(call.scope) + "/"
        found = [each for own_id, each in call.index.identities.items() if own_id.startswith(inside)]
        return json_answer({"value": [_document(each) for each in found]})

    def put(self, call: Call) -> Response:
        """Create an identity, or replace its tags."""
        subscription, group = call.place
        body = call.body()
        known = call.index.identities.get(canonical(call.scope))
        if known is None and not body.get("location"):
            raise refuse(400, "LocationRequired", "The location property is required for this definition.")
        with self._store.change():
            if known is None:
                location = plain_location(body["location"])
                item = ManagedIdentity(call.parts["identity"], location, new_id(), new_id())
                group.identities.append(item)
                own_id = resource_id(subscription, group, IDENTITIES, item.name)
                placed = Placed(own_id, subscription, group, item)
            else:
                placed = known
            placed.item.tags = dict(body.get("tags") or {})
        return json_answer(_document(placed), 200 if known else 201)

    def patch(self, call: Call) -> Response:
        """Change the tags."""
        found, tags = self._find(call), call.body().get("tags")
        if tags is not None:
            with self._store.change():
                found.item.tags = dict(tags)
        return json_answer(_document(found))

    def delete(self, call: Call) -> Response:
        """Delete an identity; its role assignments stay behind, as in Azure."""
        call.place  # noqa: B018 - refuses an unknown resource group
        found = call.index.identities.get(canonical(call.scope))
        if found is None:
            return Response(status=204)
        with self._store.change():
            found.group.identities.remove(found.item)
        return Response(status=200)

    def _find(self, call: Call) -> Placed[ManagedIdentity]:
        call.place  # noqa: B018 - refuses an unknown resource group
        found = call.index.identities.get(canonical(call.scope))
        if found is None:
            message = (
                f"The Resource '{IDENTITIES}/{call.parts['identity']}' under resource group '{call.parts['group']}' "
                "was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix"
            )
            raise refuse(404, "ResourceNotFound", message)
        return found


def _document(placed: Placed[ManagedIdentity]) -> dict[str, Any]:
    identity = placed.item
    properties = {
        "tenantId": placed.subscription.tenant,
        "principalId": identity.principal_id,
        "clientId": identity.client_id,
        "isolationScope": "None",
    }
    return {
        # This provider writes "resourcegroups" in lower case: whoever compares ids must not care.
        "id": placed.id.replace("/resourceGroups/", "/resourcegroups/"),
        "name": identity.name,
        "type": IDENTITIES,
        "location": identity.location,
        "tags": identity.tags,
        "properties": properties,
    }
