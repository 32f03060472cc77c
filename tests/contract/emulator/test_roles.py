import uuid
from collections.abc import Callable
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.mgmt.authorization.v2022_04_01.models import RoleAssignmentCreateParameters

from tests.contract.emulator import worlds
from tests.contract.emulator.clients import Clients, code_of
from tests.emulator_process import RunningEmulator

READER_ID = (
    f"/subscriptions/{worlds.SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{worlds.DATA_READER}"
)
NOBODY = worlds.principal(6)


def assign(clients: Clients, principal: str, role: str = READER_ID, scope: str = worlds.ACCOUNT_ID, **more: Any) -> Any:
    kind = more.pop("kind", "ServicePrincipal")
    name = more.pop("name", str(uuid.uuid4()))
    wanted = RoleAssignmentCreateParameters(
        role_definition_id=role, principal_id=principal, principal_type=kind, **more
    )
    return clients.authorization().role_assignments.create(scope, name, wanted)


def remove(clients: Clients, assignment: Any) -> Any:
    return clients.authorization().role_assignments.delete(assignment.scope, assignment.name)


@pytest.fixture
def assigned(clients: Clients) -> Any:
    made = []

    def make(*args: Any, **more: Any) -> Any:
        made.append(assign(clients, *args, **more))
        return made[-1]

    yield make
    for each in made:
        remove(clients, each)


def test_create_get_delete(clients: Clients) -> None:
    name = str(uuid.uuid4())
    made = assign(clients, worlds.SPARE_PRINCIPAL, name=name)
    assert made.role_definition_id.endswith(worlds.DATA_READER)
    assert (made.principal_id, made.principal_type, made.scope) == (
        worlds.SPARE_PRINCIPAL,
        "ServicePrincipal",
        worlds.ACCOUNT_ID,
    )
    assignments = clients.authorization().role_assignments
    assert assignments.get(worlds.ACCOUNT_ID, name).id == made.id
    assert assignments.get_by_id(made.id).name == name
    assert assign(clients, worlds.SPARE_PRINCIPAL, name=name).name == name
    assert assignments.delete(worlds.ACCOUNT_ID, name).name == name
    assert assignments.delete(worlds.ACCOUNT_ID, name) is None
    with pytest.raises(ResourceNotFoundError):
        assignments.get(worlds.ACCOUNT_ID, name)


def test_the_scope_may_come_without_its_slash(clients: Clients, assigned: Callable[..., Any]) -> None:
    assert assigned(worlds.SPARE_PRINCIPAL, scope=worlds.ACCOUNT_ID.strip("/")).scope == worlds.ACCOUNT_ID


def test_the_sdk_default_principal_type_is_refused_for_an_identity(clients: Clients) -> None:
    with pytest.raises(HttpResponseError, match="different from specified PrinciaplType 'User'") as refused:
        assign(clients, worlds.SPARE_PRINCIPAL, kind="User")
    assert code_of(refused) == "UnmatchedPrincipalType"


def test_unknown_principals(clients: Clients, assigned: Callable[..., Any]) -> None:
    with pytest.raises(HttpResponseError) as refused:
        assign(clients, str(uuid.uuid4()), kind=None)
    assert (refused.value.status_code, code_of(refused)) == (400, "PrincipalNotFound")
    assert assigned(str(uuid.uuid4())).name


def test_unknown_roles(clients: Clients) -> None:
    with pytest.raises(ResourceNotFoundError) as refused:
        assign(clients, worlds.SPARE_PRINCIPAL, READER_ID[:-4] + "0000")
    assert code_of(refused) == "RoleDefinitionDoesNotExist"


def test_duplicates_and_names(clients: Clients, assigned: Callable[..., Any]) -> None:
    first = assigned(worlds.SPARE_PRINCIPAL)
    with pytest.raises(ResourceExistsError) as duplicate:
        assign(clients, worlds.SPARE_PRINCIPAL)
    assert code_of(duplicate) == "RoleAssignmentExists"
    with pytest.raises(HttpResponseError) as renamed:
        assign(clients, NOBODY, name=first.name)
    assert code_of(renamed) == "RoleAssignmentUpdateNotPermitted"
    with pytest.raises(HttpResponseError) as no_guid:
        assign(clients, NOBODY, name="my-name")
    assert no_guid.value.status_code == 400


def test_list_filters(clients: Clients, assigned: Callable[..., Any]) -> None:
    group_id = worlds.GROUP_ID
    inherited = assigned(worlds.GROUP_OF_GROUPS, scope=group_id, kind="Group")
    own = assigned(worlds.SPARE_PRINCIPAL)
    assignments = clients.authorization().role_assignments

    def names(scope: str, text: str | None = None) -> set[str]:
        return {each.name for each in assignments.list_for_scope(scope, filter=text)}

    assert {inherited.name, own.name} <= names(worlds.ACCOUNT_ID)
    assert own.name not in names(group_id, "atScope()")
    assert own.name in names(group_id)
    assert names(worlds.ACCOUNT_ID, f"principalId eq '{worlds.SPARE_PRINCIPAL}'") == {own.name}
    through_groups = names(worlds.ACCOUNT_ID, f"atScope() and assignedTo('{worlds.SPARE_PRINCIPAL}')")
    assert through_groups == {own.name, inherited.name}
    with pytest.raises(HttpResponseError) as refused:
        names(worlds.ACCOUNT_ID, "canDelegate eq true")
    assert code_of(refused) == "UnsupportedFilter"
    assert own.name in {each.name for each in assignments.list_for_subscription()}


def test_role_definitions(clients: Clients) -> None:
    definitions = clients.authorization().role_definitions
    (reader,) = definitions.list(worlds.ACCOUNT_ID, filter="roleName eq 'Azure Maps Data Reader'")
    assert (reader.name, reader.role_type) == (worlds.DATA_READER, "BuiltInRole")
    assert reader.permissions[0].data_actions == ["Microsoft.Maps/accounts/*/read"]
    assert definitions.get(worlds.ACCOUNT_ID, worlds.SAS_ROLE).role_name == "SAS issuer"
    assert definitions.get_by_id(reader.id).name == worlds.DATA_READER
    custom = {each.role_name for each in definitions.list(worlds.ACCOUNT_ID, filter="type eq 'CustomRole'")}
    assert custom >= {"SAS issuer", "Tiles only"}


def test_custom_roles_are_made_used_and_removed(clients: Clients, emulator: RunningEmulator) -> None:
    name = str(uuid.uuid4())
    permissions = [{"actions": ["Microsoft.Maps/accounts/read"], "dataActions": []}]
    body = {
        "properties": {
            "roleName": "Looker",
            "permissions": permissions,
            "assignableScopes": [f"/subscriptions/{worlds.SUBSCRIPTION}"],
        }
    }
    definitions = clients.authorization().role_definitions
    definitions.create_or_update(worlds.ACCOUNT_ID, name, body)
    role = f"/providers/Microsoft.Authorization/roleDefinitions/{name}"
    assignment = assign(clients, NOBODY, role)
    looker = clients.maps(clients.credential(worlds.NOBODY)).accounts
    assert looker.get(worlds.GROUP, worlds.ACCOUNT).name == worlds.ACCOUNT
    with pytest.raises(HttpResponseError) as in_use:
        definitions.delete(worlds.ACCOUNT_ID, name)
    assert code_of(in_use) == "RoleDefinitionHasAssignments"
    remove(clients, assignment)
    with pytest.raises(HttpResponseError) as refused:
        looker.get(worlds.GROUP, worlds.ACCOUNT)
    assert code_of(refused) == "AuthorizationFailed"
    definitions.delete(worlds.ACCOUNT_ID, name)


def test_a_group_of_a_group_gives_its_role_to_an_identity(clients: Clients, assigned: Callable[..., Any]) -> None:
    body = {"identity": {"type": "UserAssigned", "userAssignedIdentities": {worlds.identity_id("spare"): {}}}}
    clients.maps().accounts.update(worlds.GROUP, worlds.ACCOUNT, body)
    token = clients.sas(principalId=worlds.SPARE_PRINCIPAL)
    assert clients.locate(token) == 403
    scope = "/providers/Microsoft.Management/managementGroups/root-group"
    emulated = clients.maps().accounts.get(worlds.GROUP, worlds.ACCOUNT)
    assert emulated.identity
    with pytest.raises(HttpResponseError) as above_the_owner:
        assign(clients, worlds.GROUP_OF_GROUPS, scope=scope, kind="Group")
    assert code_of(above_the_owner) == "AuthorizationFailed"
    assigned(worlds.GROUP_OF_GROUPS, scope=f"/subscriptions/{worlds.SUBSCRIPTION}", kind="Group")
    assert clients.locate(token) == 200
