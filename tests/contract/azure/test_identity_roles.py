"""IdentityRoles over HTTP: what is effective and from where, names that repeat harmlessly, removals that stay here."""

import json
from functools import partial
from uuid import UUID, uuid4

import pytest

from sas_service.adapters.azure.identity_roles import AzureIdentityRoles, assignment_body, assignment_name
from sas_service.demo import world as demo_world
from sas_service.domain.errors import AzureRefused, AzureUnavailable
from tests.contract.azure import levers
from tests.contract.azure.levers import ACCOUNT, ASSIGNMENTS, DATA_READER, DATA_ROLE, GROUP, PATIENCE, A, assign
from tests.demo_azure import ACCOUNT_ID, GROUP_ID, DemoAzure

PRINCIPAL = demo_world.guid(f"principal/{A}")
PUT, DELETE = "putRoleAssignment", "deleteRoleAssignment"


def roles_of(azure: DemoAzure, identity: str = "service-operator") -> AzureIdentityRoles:
    return AzureIdentityRoles(patience=PATIENCE, **levers.way(azure, identity))


@pytest.fixture
def bare(revocable: DemoAzure) -> DemoAzure:
    """The principal has no role."""
    roles = roles_of(revocable)
    for own in roles.effective(ACCOUNT, PRINCIPAL):
        roles.remove(ACCOUNT, own.assignment_id, request_id="request-0")
    return revocable


def test_a_role_by_name_or_guid_is_one_assignment_under_one_name(bare: DemoAzure) -> None:
    roles, name = roles_of(bare), assignment_name(ACCOUNT_ID, PRINCIPAL, DATA_READER)
    for role in (DATA_ROLE, DATA_READER, DATA_READER.upper()):
        assert roles.assign(ACCOUNT, PRINCIPAL, role, request_id="request-1")
    (own,) = roles.effective(ACCOUNT, PRINCIPAL)
    assert own.assignment_id.lower() == f"{ACCOUNT_ID}/{ASSIGNMENTS}/{name}".lower()
    assert (own.role_id, own.principal_type, own.inherited) == (DATA_READER, "ServicePrincipal", False)


def test_the_name_depends_on_scope_principal_and_role_and_not_on_their_case() -> None:
    asked = (ACCOUNT_ID, PRINCIPAL, DATA_READER)
    name = assignment_name(*asked)
    assert UUID(name).version == 5
    assert name == assignment_name(*(each.upper() for each in asked))
    others = [assignment_name(*(each if n != place else GROUP for n, each in enumerate(asked))) for place in range(3)]
    assert len({name, *others}) == 4


def test_the_body_says_what_kind_of_principal_it_is(azure: DemoAzure) -> None:
    body = assignment_body(azure.policy.accounts[ACCOUNT], PRINCIPAL, DATA_READER)
    subscription = f"/subscriptions/{demo_world.SUBSCRIPTION_ID}"
    assert json.loads(json.dumps(body)) == {
        "properties": {
            "roleDefinitionId": f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{DATA_READER}",
            "principalId": PRINCIPAL,
            "principalType": "ServicePrincipal",
        }
    }


def test_a_principal_that_the_directory_does_not_know_yet_is_no_obstacle(azure: DemoAzure) -> None:
    """With a principalType Azure does not look it up."""
    roles, fresh = roles_of(azure), str(uuid4())
    roles.assign(ACCOUNT, fresh, DATA_ROLE, request_id="request-1")
    (own,) = roles.effective(ACCOUNT, fresh)
    roles.remove(ACCOUNT, own.assignment_id, request_id="request-2")


def test_where_azure_looks_it_up_all_the_same_the_caller_may_try_again(bare: DemoAzure) -> None:
    roles, sent = roles_of(bare), bare.counted(PUT)
    fault = {"operation": PUT, "kind": "status", "status": 400, "code": "PrincipalNotFound", "times": 1}
    bare.emulator.control("POST", "faults", fault)
    with pytest.raises(AzureRefused) as refused:
        roles.assign(ACCOUNT, PRINCIPAL, DATA_ROLE, request_id="request-1")
    assert (refused.value.extra["code"], refused.value.extra["effect"]) == ("PrincipalNotFound", "none")
    assert bare.counted(PUT) == sent + 1
    assert roles.assign(ACCOUNT, PRINCIPAL, DATA_ROLE, request_id="request-2")


def test_a_role_that_somebody_gave_under_another_name_is_there(bare: DemoAzure) -> None:
    roles, theirs = roles_of(bare), assign(bare, ACCOUNT_ID, PRINCIPAL)
    assert roles.assign(ACCOUNT, PRINCIPAL, DATA_ROLE, request_id="request-1")
    (own,) = roles.effective(ACCOUNT, PRINCIPAL)
    assert own.assignment_id == theirs


@pytest.mark.parametrize("scope", [None, GROUP_ID])
def test_that_it_exists_is_not_taken_on_trust(bare: DemoAzure, scope: str | None) -> None:
    above = assign(bare, scope, PRINCIPAL) if scope else None
    fault = {"operation": PUT, "kind": "status", "status": 409, "code": "RoleAssignmentExists", "times": 1}
    bare.emulator.control("POST", "faults", fault)
    with pytest.raises(AzureRefused) as refused:
        roles_of(bare).assign(ACCOUNT, PRINCIPAL, DATA_ROLE, request_id="request-1")
    assert (refused.value.extra["code"], refused.value.extra["effect"]) == ("RoleAssignmentExists", "none")
    assert refused.value.__context__ is None
    if above:
        bare.arm("DELETE", above, version=levers.AUTHORIZATION)


def test_inherited_roles_and_those_through_groups_are_seen_and_not_removed(bare: DemoAzure) -> None:
    roles = roles_of(bare)
    above, grouped = assign(bare, GROUP_ID, PRINCIPAL), assign(bare, ACCOUNT_ID, GROUP)
    roles.assign(ACCOUNT, PRINCIPAL, DATA_ROLE, request_id="request-1")
    found = {(each.inherited, each.through_group): each for each in roles.effective(ACCOUNT, PRINCIPAL)}
    assert found.keys() == {(False, False), (True, False), (False, True)}
    assert found[True, False].assignment_id == above
    assert (found[False, True].assignment_id, found[False, True].principal_id) == (grouped, GROUP)
    sent = bare.counted(DELETE)
    with pytest.raises(AzureRefused) as refused:
        roles.remove(ACCOUNT, above, request_id="request-2")
    assert refused.value.extra["effect"] == "none"
    assert bare.counted(DELETE) == sent
    for each in (above, grouped):
        bare.arm("DELETE", each, version=levers.AUTHORIZATION)


@pytest.mark.parametrize(
    "assignment_id",
    [
        "",
        "principal-a/Azure Maps Data Reader",
        f"{ACCOUNT_ID}/{ASSIGNMENTS}/not-a-guid",
        f"{ACCOUNT_ID}-two/{ASSIGNMENTS}/{uuid4()}",
        f"{ACCOUNT_ID}/creators/below/{ASSIGNMENTS}/{uuid4()}",
        f"{ACCOUNT_ID}/{ASSIGNMENTS}/{uuid4()}?api-version=1",
        f"{ACCOUNT_ID}/{ASSIGNMENTS}/{uuid4()}\n",
    ],
)
def test_what_is_no_assignment_at_the_account_is_not_removed(azure: DemoAzure, assignment_id: str) -> None:
    sent = azure.counted(DELETE)
    with pytest.raises(AzureRefused):
        roles_of(azure).remove(ACCOUNT, assignment_id, request_id="request-1")
    assert azure.counted(DELETE) == sent


@pytest.mark.parametrize("status", [204, 404])
def test_an_assignment_that_is_gone_is_no_error(azure: DemoAzure, status: int) -> None:
    fault = {"operation": DELETE, "kind": "status", "status": status, "code": "RoleAssignmentNotFound", "times": 1}
    azure.emulator.control("POST", "faults", fault)
    assert roles_of(azure).remove(ACCOUNT, f"{ACCOUNT_ID.upper()}/{ASSIGNMENTS}/{uuid4()}", request_id="request-1")


@pytest.mark.parametrize("role", ["No such role", "Azure Maps Data Reader' or roleName eq 'Owner", ""])
def test_an_unknown_role_is_not_given(bare: DemoAzure, role: str) -> None:
    sent = bare.counted(PUT)
    with pytest.raises(AzureRefused) as refused:
        roles_of(bare).assign(ACCOUNT, PRINCIPAL, role, request_id="request-1")
    assert refused.value.extra["effect"] == "none"
    assert bare.counted(PUT) == sent


def test_a_principal_is_named_by_its_object_id(azure: DemoAzure) -> None:
    sent = azure.counted(PUT)
    with pytest.raises(AzureRefused) as refused:
        roles_of(azure).assign(ACCOUNT, A, DATA_ROLE, request_id="request-1")
    assert refused.value.extra["effect"] == "none"
    assert azure.counted(PUT) == sent


@pytest.mark.parametrize(
    ("fault", "takes_effect"),
    [
        ({"kind": "effectThenReset"}, True),
        ({"kind": "effectThenStatus", "status": 503, "retryAfter": 1}, True),
        ({"kind": "halfBody"}, True),
        ({"kind": "status", "status": 500}, False),
        ({"kind": "timeout", "seconds": 3}, False),
    ],
)
@pytest.mark.parametrize("operation", [PUT, DELETE])
def test_a_change_is_sent_once_and_its_outcome_is_unknown(
    bare: DemoAzure, operation: str, fault: dict[str, object], takes_effect: bool
) -> None:
    roles = roles_of(bare)
    own = assign(bare, ACCOUNT_ID, PRINCIPAL) if operation == DELETE else None
    sent = bare.counted(operation)
    bare.emulator.control("POST", "faults", {"operation": operation, "times": 0, **fault})
    change = partial(roles.remove, ACCOUNT, own) if own else partial(roles.assign, ACCOUNT, PRINCIPAL, DATA_ROLE)
    with pytest.raises(AzureUnavailable) as unknown:
        change(request_id="request-1")
    bare.emulator.control("DELETE", "faults")
    assert unknown.value.extra["effect"] == "unknown"
    assert bare.counted(operation) == sent + 1
    assert bool(roles.effective(ACCOUNT, PRINCIPAL)) == (takes_effect != bool(own))


def test_a_name_that_cannot_be_looked_up_had_no_effect(bare: DemoAzure) -> None:
    bare.emulator.control("POST", "faults", {"operation": "listRoleDefinitions", "kind": "reset", "times": 0})
    with pytest.raises(AzureUnavailable) as failed:
        roles_of(bare).assign(ACCOUNT, PRINCIPAL, DATA_ROLE, request_id="request-1")
    assert failed.value.extra["effect"] == "none"


def test_the_issuer_may_do_nothing_of_this(revocable: DemoAzure) -> None:
    roles, (own,) = roles_of(revocable, "service-issuer"), roles_of(revocable).effective(ACCOUNT, PRINCIPAL)
    with pytest.raises(AzureRefused):
        roles.effective(ACCOUNT, PRINCIPAL)
    with pytest.raises(AzureRefused) as given:
        roles.assign(ACCOUNT, PRINCIPAL, DATA_READER, request_id="request-1")
    with pytest.raises(AzureRefused) as taken:
        roles.remove(ACCOUNT, own.assignment_id, request_id="request-2")
    assert {each.value.extra["code"] for each in (given, taken)} == {"AuthorizationFailed"}
    assert {each.value.extra["effect"] for each in (given, taken)} == {"none"}
