"""Microsoft.Authorization/roleDefinitions: the built-in roles, and custom roles that can be made and removed."""

from collections.abc import Callable
from typing import Any

from werkzeug import Response

from sas_service.emulator.answers import json_answer
from sas_service.emulator.arm.errors import invalid_content, refuse
from sas_service.emulator.arm.filters import parse_filter
from sas_service.emulator.arm.gate import Call, Operation
from sas_service.emulator.arm.role_assignments import VERSIONS
from sas_service.emulator.scopes import ancestors, canonical
from sas_service.emulator.store import Store
from sas_service.emulator.world import RoleDefinition

_TYPE = "Microsoft.Authorization/roleDefinitions"
_LISTS = ("actions", "notActions", "dataActions", "notDataActions")


class RoleDefinitions:
    """The role definitions."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def operations(self) -> list[Operation]:
        """Return the table of operations."""
        table: list[tuple[str, str, str, str, Callable[[Call], Response]]] = [
            ("getRoleDefinition", "GET", "/{name}", "read", self.get),
            ("putRoleDefinition", "PUT", "/{name}", "write", self.put),
            ("deleteRoleDefinition", "DELETE", "/{name}", "delete", self.delete),
            ("listRoleDefinitions", "GET", "", "read", self.list),
        ]
        return [
            Operation(name, method, f"{where}/providers/{_TYPE}{tail}", f"{_TYPE}/{verb}", VERSIONS, answer, scope)
            for name, method, tail, verb, answer in table
            for where, scope in (("/{scope:path}", "/{scope}"), ("", "/"))
        ]

    def get(self, call: Call) -> Response:
        """Return one role."""
        found = call.index.roles.get(call.parts["name"].lower())
        if found is None or not _reaches(found, call):
            message = f"The role definition '{call.parts['name']}' could not be found."
            raise refuse(404, "RoleDefinitionDoesNotExist", message)
        return json_answer(_document(found, call))

    def list(self, call: Call) -> Response:
        """Return the roles that can be assigned at a scope."""
        known = {"at_scope_and_below", "role_name", "role_type"}
        wanted = parse_filter(call.request.args.get("$filter"), known)
        found = [
            role
            for role in call.index.roles.values()
            if _reaches(role, call)
            and wanted.role_name in {None, role.role_name}
            and (wanted.role_type is None or wanted.role_type.lower() == role.role_type.lower())
        ]
        return json_answer({"value": [_document(role, call) for role in found]})

    def put(self, call: Call) -> Response:
        """Create or replace a custom role."""
        asked = _asked(call)
        known = call.index.roles.get(asked.name)
        if known and known.role_type == "BuiltInRole":
            raise refuse(403, "BuiltInRoleUpdateNotAllowed", "A built-in role cannot be changed.")
        if any(role.role_name == asked.role_name and role.name != asked.name for role in call.index.roles.values()):
            message = (
                f"The role definition cannot be created as a role definition with name '{asked.role_name}' already "
                "exists in the tenant."
            )
            raise refuse(409, "RoleDefinitionWithSameNameExists", message)
        with self._store.change() as world:
            kept = [role for role in world.role_definitions if role.name.lower() != asked.name]
            world.role_definitions = [*kept, asked]
        return json_answer(_document(asked, call), 201)

    def delete(self, call: Call) -> Response:
        """Remove a custom role that nobody has any more."""
        name = call.parts["name"].lower()
        found = next((role for role in self._store.world.role_definitions if role.name.lower() == name), None)
        if found is None:
            return Response(status=204)
        if any(each.role == name and each.ends_at is None for each in self._store.world.role_assignments):
            message = "There are existing role assignments referencing role (code: RoleDefinitionHasAssignments)."
            raise refuse(400, "RoleDefinitionHasAssignments", message)
        with self._store.change() as world:
            world.role_definitions.remove(found)
        return json_answer(_document(found, call))


def _asked(call: Call) -> RoleDefinition:
    properties = call.body().get("properties")
    if not isinstance(properties, dict) or not properties.get("roleName"):
        raise invalid_content("The property roleName is required")
    permissions = properties.get("permissions") or [{}]
    if not isinstance(permissions, list) or len(permissions) != 1:
        raise invalid_content("Exactly one entry of permissions is supported")
    actions, not_actions, data_actions, not_data_actions = (
        [str(action) for action in permissions[0].get(name) or ()] for name in _LISTS
    )
    scopes = properties.get("assignableScopes") or []
    if not scopes:
        raise invalid_content("The property assignableScopes is required")
    name, description = call.parts["name"].lower(), str(properties.get("description") or "")
    return RoleDefinition(
        name,
        str(properties["roleName"]),
        description,
        actions,
        not_actions,
        data_actions,
        not_data_actions,
        [str(scope) for scope in scopes],
    )


def _reaches(role: RoleDefinition, call: Call) -> bool:
    """Say whether a role is assignable at the scope of the call, or below it."""
    scope = canonical(call.scope)
    chain = ancestors(scope, call.index.subscriptions, call.index.management_groups)
    return any(
        canonical(own) in chain or canonical(own).startswith(scope.rstrip("/") + "/") for own in role.assignable_scopes
    )


def _document(role: RoleDefinition, call: Call) -> dict[str, Any]:
    parts = call.scope.strip("/").split("/")
    prefix = f"/subscriptions/{parts[1]}" if parts[0].lower() == "subscriptions" and len(parts) > 1 else ""
    permission = {
        "actions": role.actions,
        "notActions": role.not_actions,
        "dataActions": role.data_actions,
        "notDataActions": role.not_data_actions,
    }
    properties = {
        "roleName": role.role_name,
        "type": role.role_type,
        "description": role.description,
        "assignableScopes": role.assignable_scopes,
        "permissions": [permission],
    }
    return {"properties": properties, "id": f"{prefix}/providers/{_TYPE}/{role.name}", "type": _TYPE, "name": role.name}
