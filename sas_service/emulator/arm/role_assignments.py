"""Microsoft.Authorization/roleAssignments: who has which role where."""

import re
from collections.abc import Callable
from typing import Any

from werkzeug import Response

from sas_service.emulator.answers import json_answer
from sas_service.emulator.arm.errors import invalid_content, refuse
from sas_service.emulator.arm.filters import Filter, parse_filter
from sas_service.emulator.arm.gate import Call, Operation
from sas_service.emulator.durations import azure_timestamp
from sas_service.emulator.scopes import ancestors, canonical
from sas_service.emulator.store import Store
from sas_service.emulator.world import RoleAssignment

VERSIONS = frozenset(
    {"2015-07-01", "2018-01-01-preview", "2018-09-01-preview", "2020-04-01-preview", "2020-08-01-preview", "2022-04-01"}
)
_TYPE = "Microsoft.Authorization/roleAssignments"
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class RoleAssignments:
    """The role assignments of all scopes."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def operations(self) -> list[Operation]:
        """Return the table of operations; the second form of each path is the tenant root."""
        table: list[tuple[str, str, str, str, Callable[[Call], Response]]] = [
            ("getRoleAssignment", "GET", "/{name}", "read", self.get),
            ("putRoleAssignment", "PUT", "/{name}", "write", self.put),
            ("deleteRoleAssignment", "DELETE", "/{name}", "delete", self.delete),
            ("listRoleAssignments", "GET", "", "read", self.list_all),
        ]
        return [
            Operation(name, method, f"{where}/providers/{_TYPE}{tail}", f"{_TYPE}/{verb}", VERSIONS, answer, scope)
            for name, method, tail, verb, answer in table
            for where, scope in (("/{scope:path}", "/{scope}"), ("", "/"))
        ]

    def get(self, call: Call) -> Response:
        """Return one assignment."""
        found = self._named(call.parts["name"])
        if found is None or canonical(found.scope) != canonical(call.scope):
            raise _not_found(call.parts["name"])
        return json_answer(document(found))

    def put(self, call: Call) -> Response:
        """Create an assignment; a name belongs to one principal, role and scope for ever."""
        asked = self._asked(call)
        named = self._named(asked.name)
        if named:
            if not _same(named, asked):
                message = "Tenant ID, application ID, principal ID, and scope are not allowed to be updated."
                raise refuse(400, "RoleAssignmentUpdateNotPermitted", message)
            return json_answer(document(named), 200)
        if any(_same(each, asked) for each in self._standing()):
            raise refuse(409, "RoleAssignmentExists", "The role assignment already exists.")
        with self._store.change() as world:
            now = self._store.clock.now()
            asked.effective_at = now + self._store.settings.propagation.role_add.draw()
            world.role_assignments = [each for each in world.role_assignments if (each.ends_at or now + 1) > now]
            world.role_assignments.append(asked)
        return json_answer(document(asked), 201)

    def delete(self, call: Call) -> Response:
        """Remove an assignment; removing it again is answered with 204."""
        found = self._named(call.parts["name"])
        if found is None or canonical(found.scope) != canonical(call.scope):
            return Response(status=204)
        with self._store.change() as world:
            now = self._store.clock.now()
            found.ends_at = now + self._store.settings.propagation.role_remove.draw()
            if found.ends_at <= now or found.effective_at > now:
                world.role_assignments.remove(found)
        return json_answer(document(found))

    def list_all(self, call: Call) -> Response:
        """Return assignments at, above and below a scope, narrowed by $filter."""
        known = {"at_scope", "assigned_to", "principal_id"}
        wanted = parse_filter(call.request.args.get("$filter"), known)
        found = [each for each in self._standing() if self._listed(each, call, wanted)]
        return json_answer({"value": [document(each) for each in found]})

    def _listed(self, assignment: RoleAssignment, call: Call, wanted: Filter) -> bool:
        own, scope = canonical(assignment.scope), canonical(call.scope)
        above = own in ancestors(scope, call.index.subscriptions, call.index.management_groups)
        below = not wanted.at_scope and own.startswith(scope.rstrip("/") + "/")
        if not (above or below):
            return False
        holder = assignment.principal_id.lower()
        if wanted.principal_id is not None and holder != wanted.principal_id.lower():
            return False
        if wanted.assigned_to is None:
            return True
        principal = wanted.assigned_to.lower()
        return holder in {principal, *(group.lower() for group in call.index.groups_of.get(principal, ()))}

    def _standing(self) -> list[RoleAssignment]:
        return [each for each in list(self._store.world.role_assignments) if each.ends_at is None]

    def _named(self, name: str) -> RoleAssignment | None:
        return next((each for each in self._standing() if each.name.lower() == name.lower()), None)

    def _asked(self, call: Call) -> RoleAssignment:
        name = call.parts["name"]
        if not _GUID.fullmatch(name):
            message = f"The role assignment ID '{name}' is not valid. The role assignment ID must be a GUID."
            raise refuse(400, "InvalidRoleAssignmentId", message)
        properties = call.body().get("properties")
        if (
            not isinstance(properties, dict)
            or not properties.get("roleDefinitionId")
            or not properties.get("principalId")
        ):
            raise invalid_content("The properties roleDefinitionId and principalId are required")
        role = _role(call, str(properties["roleDefinitionId"]))
        principal = str(properties["principalId"]).lower()
        kind = self._principal_type(call, principal, properties.get("principalType"))
        description, condition, version = (
            properties.get(key) for key in ("description", "condition", "conditionVersion")
        )
        author, stamp = call.caller.object_id, azure_timestamp(self._store.clock.now())
        return RoleAssignment(
            call.scope, principal, role, kind, name.lower(), description, condition, version, stamp, author
        )

    @staticmethod
    def _principal_type(call: Call, principal: str, given: str | None) -> str:
        known = call.index.principals.get(principal)
        if known is None and given is None:
            message = (
                f"Principal {principal.replace('-', '')} does not exist in the directory {call.caller.tenant}. Check "
                "that you have the correct principal ID. If you are creating this principal and then immediately "
                "assigning a role, this error might be related to a replication delay. In this case, set the role "
                "assignment principalType property to a value, such as ServicePrincipal, User, or Group. "
                "See https://aka.ms/docs-principaltype"
            )
            raise refuse(400, "PrincipalNotFound", message)
        if known is not None and given is not None and given != known.kind:
            message = (
                f"The PrincipalId '{principal.replace('-', '')}' has type '{known.kind}' , which is different from "
                f"specified PrinciaplType '{given}'."
            )
            raise refuse(400, "UnmatchedPrincipalType", message)
        return given or (known.kind if known else "Unknown")


def document(assignment: RoleAssignment) -> dict[str, Any]:
    """Return the JSON of an assignment; the role's id comes back without its subscription, as in the examples."""
    scope = "/" + assignment.scope.strip("/")
    properties: dict[str, Any] = {
        "roleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{assignment.role}",
        "principalId": assignment.principal_id,
        "principalType": assignment.principal_type,
        "scope": scope,
        "createdOn": assignment.created_on,
        "updatedOn": assignment.created_on,
        "createdBy": assignment.created_by or None,
        "updatedBy": assignment.created_by or None,
    }
    optional = {
        "description": assignment.description,
        "condition": assignment.condition,
        "conditionVersion": assignment.condition_version,
    }
    properties |= {name: value for name, value in optional.items() if value is not None}
    own_id = f"{scope.rstrip('/')}/providers/{_TYPE}/{assignment.name}"
    return {"properties": properties, "id": own_id, "type": _TYPE, "name": assignment.name}


def _role(call: Call, role_definition_id: str) -> str:
    """Return the GUID of an existing role; the rest of its id does not matter."""
    role = role_definition_id.rstrip("/").rpartition("/")[2].lower()
    if role not in call.index.roles:
        message = f"The specified role definition with ID '{role.replace('-', '')}' does not exist."
        raise refuse(404, "RoleDefinitionDoesNotExist", message)
    return role


def _same(first: RoleAssignment, second: RoleAssignment) -> bool:
    return (
        canonical(first.scope) == canonical(second.scope)
        and first.principal_id.lower() == second.principal_id.lower()
        and first.role == second.role
    )


def _not_found(name: str) -> Exception:
    return refuse(404, "RoleAssignmentNotFound", f"The role assignment '{name}' is not found.")
