"""Effective roles of a principal: its own, inherited, through groups; over all pages, and with no secret given away."""

from urllib.parse import unquote_plus

import pytest

from sas_service.adapters.azure.identity_roles import AzureIdentityRoles
from sas_service.adapters.azure.role_assignments import AzureRoleAssignments
from sas_service.domain.errors import AzureRefused, AzureUnavailable
from tests.unit.adapters_azure.azure_world import (
    ACCOUNT_ID,
    GROUP_ID,
    PRINCIPAL_A,
    SUBSCRIPTION,
    StubArm,
    accounts,
    azure_error,
)
from tests.unit.adapters_azure.loopback_server import Asked, LoopbackServer, Reply, json_reply

READER = "423170ca-a8f6-4b0f-8487-9e4eb8f49bfa"
CUSTOM = "10000000-0000-4000-8000-000000000001"
TEAM = "c0000000-0000-4000-8000-000000000001"


def assignment(
    name: str, scope: str, role: str, principal: str = PRINCIPAL_A, kind: str = "ServicePrincipal"
) -> object:
    return {
        "id": f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}",
        "name": name,
        "properties": {
            "scope": scope,
            "roleDefinitionId": role,
            "principalId": principal,
            "principalType": kind,
        },
    }


OWN = assignment("1", ACCOUNT_ID.upper(), f"/providers/Microsoft.Authorization/roleDefinitions/{READER.upper()}")
INHERITED = assignment(
    "2",
    GROUP_ID,
    f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{CUSTOM}",
    TEAM,
    "Group",
)


def roles_at(arm: StubArm) -> AzureRoleAssignments:
    return AzureRoleAssignments(
        accounts=accounts,
        credential=arm.prefetched(),
        outbound=arm.outbound,
        base_url=arm.server.url,
        attempts=arm.attempts(),
    )


def test_all_pages_are_read_and_each_role_is_named_and_placed() -> None:
    with StubArm(Reply()) as arm:

        def answer(asked: Asked) -> Reply:
            if f"roleDefinitions/{READER}" in asked.path:
                return json_reply({"name": READER, "properties": {"roleName": "Azure Maps Data Reader"}})
            if "roleDefinitions" in asked.path:
                return Reply(403, azure_error("AuthorizationFailed"))
            if "page=2" in asked.path:
                return json_reply({"value": [INHERITED]})
            return json_reply({"value": [OWN], "nextLink": f"{arm.server.url}/next?page=2"})

        arm.server.answer = answer
        own, inherited = roles_at(arm).effective("maps-demo", PRINCIPAL_A)
        assert (own.role_id, own.role_name, own.inherited, own.through_group) == (
            READER,
            "Azure Maps Data Reader",
            False,
            False,
        )
        assert (inherited.role_id, inherited.role_name, inherited.inherited, inherited.through_group) == (
            CUSTOM,
            None,
            True,
            True,
        )
        assert inherited.principal_type == "Group"
        first = arm.server.asked[0].path
        assert first.startswith(f"{ACCOUNT_ID}/providers/Microsoft.Authorization/roleAssignments?")
        assert "api-version=2022-04-01" in first
        assert f"$filter=atScope()%20and%20assignedTo('{PRINCIPAL_A}')" in first


def test_a_paging_link_to_elsewhere_gets_no_bearer() -> None:
    with LoopbackServer(lambda _asked: json_reply({"value": []})) as elsewhere, StubArm(Reply()) as arm:
        arm.server.answer = lambda _asked: json_reply({"value": [OWN], "nextLink": f"{elsewhere.url}/next"})
        with pytest.raises(AzureUnavailable):
            roles_at(arm).effective("maps-demo", PRINCIPAL_A)
        assert elsewhere.asked == []


def test_an_endless_listing_ends() -> None:
    with StubArm(Reply()) as arm:
        page = json_reply({"value": [OWN] * 50, "nextLink": f"{arm.server.url}/next"})
        arm.server.answer = lambda _asked: page
        with pytest.raises(AzureUnavailable):
            roles_at(arm).effective("maps-demo", PRINCIPAL_A)
        assert len(arm.server.asked) < 10


@pytest.mark.parametrize("principal", ["", "x') or principalId eq ('y", "maps-web-a", PRINCIPAL_A + "\n"])
def test_a_filter_takes_object_ids_only(principal: str) -> None:
    with StubArm(Reply()) as arm:
        with pytest.raises(ValueError, match="object id"):
            roles_at(arm).effective("maps-demo", principal)
        assert arm.server.asked == []


def test_a_refusal_is_ours_and_an_odd_answer_too() -> None:
    with StubArm(Reply(403, azure_error("AuthorizationFailed")), json_reply({"value": [{"id": "x"}]})) as arm:
        with pytest.raises(AzureRefused):
            roles_at(arm).effective("maps-demo", PRINCIPAL_A)
        with pytest.raises(AzureUnavailable):
            roles_at(arm).effective("maps-demo", PRINCIPAL_A)


def lookup(*names: str) -> Reply:
    return json_reply({"value": [{"name": GUIDS[n], "properties": {"roleName": each}} for n, each in enumerate(names)]})


GUIDS = (READER, CUSTOM)


def test_a_role_is_looked_up_by_exactly_its_name() -> None:
    own = f"{ACCOUNT_ID}/providers/Microsoft.Authorization/roleAssignments/1"
    with StubArm(lookup("Owner", "It's ours"), json_reply({"id": own}, 201)) as arm:
        levers = AzureIdentityRoles(
            accounts=accounts, credential=arm.prefetched(), outbound=arm.outbound, base_url=arm.server.url
        )
        levers.assign("maps-demo", PRINCIPAL_A, "it's ours", request_id="request-1")
        asked, put = arm.server.asked
    assert "roleName eq 'it''s ours'" in unquote_plus(asked.path)
    assert put.json()["properties"]["roleDefinitionId"].endswith(f"/roleDefinitions/{CUSTOM}")
    assert put.headers["x-ms-client-request-id"] == "request-1"


def test_a_name_that_two_roles_have_is_refused() -> None:
    with StubArm(lookup("Ours", "ours")) as arm:
        levers = AzureIdentityRoles(
            accounts=accounts, credential=arm.prefetched(), outbound=arm.outbound, base_url=arm.server.url
        )
        with pytest.raises(AzureRefused, match="Several roles"):
            levers.assign("maps-demo", PRINCIPAL_A, "Ours", request_id="request-1")
        assert len(arm.server.asked) == 1
