"""AccountIdentities over HTTP: one identity is named and nothing else, and what others change meanwhile is noticed."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from sas_service.adapters.azure.account_identities import AzureAccountIdentities, identity_patch, state_of
from sas_service.adapters.azure.transport import Outbound
from sas_service.demo import world as demo_world
from sas_service.domain.errors import AzureRefused, AzureUnavailable, NotFound, SasServiceError, WriteUnconfirmed
from sas_service.domain.policy import Account
from tests.contract.azure import levers
from tests.contract.azure.levers import ACCOUNT, PATIENCE, A, B
from tests.demo_azure import DemoAzure
from tests.unit.adapters_azure.azure_world import account_document

FOREIGN = demo_world.identity_resource_id("service-issuer")
OWN = demo_world.identity_resource_id(A)


def identities_of(azure: DemoAzure, identity: str = "service-operator", **more: Any) -> AzureAccountIdentities:
    return AzureAccountIdentities(patience=PATIENCE, **{**levers.way(azure, identity), **more})


def attach_foreign(azure: DemoAzure) -> None:
    azure.patch(levers.identity_patch("UserAssigned", {FOREIGN: {}}))


def without_azures(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "systemData"}


def test_nothing_else_of_the_account_changes(revocable: DemoAzure) -> None:
    revocable.patch(
        {
            "tags": {"owner": "maps"},
            "properties": {
                "disableLocalAuth": True,
                "cors": {"corsRules": [{"allowedOrigins": ["https://a.example"]}]},
            },
        }
    )
    attach_foreign(revocable)
    before, identities = without_azures(revocable.show()), identities_of(revocable)
    identities.detach(ACCOUNT, A, request_id="request-1")
    after = without_azures(revocable.show())
    assert after["identity"]["userAssignedIdentities"].keys() == before["identity"]["userAssignedIdentities"].keys() - {
        OWN
    }
    assert FOREIGN in after["identity"]["userAssignedIdentities"]
    identities.attach(ACCOUNT, A, request_id="request-2")
    assert without_azures(revocable.show()) == before
    assert (before["kind"], before["properties"]["disableLocalAuth"]) == ("Gen2", True)


def test_a_system_identity_stays_and_the_type_is_right(revocable: DemoAzure) -> None:
    named = revocable.show()["identity"]["userAssignedIdentities"]
    revocable.patch(
        levers.identity_patch("SystemAssigned, UserAssigned", {each: None for each in named if each != OWN})
    )
    before, identities = revocable.show()["identity"], identities_of(revocable)
    assert before["principalId"]
    identities.detach(ACCOUNT, A, request_id="request-1")
    alone = revocable.show()["identity"]
    assert (alone["type"], alone["principalId"]) == ("SystemAssigned", before["principalId"])
    identities.attach(ACCOUNT, A, request_id="request-2")
    assert revocable.show()["identity"] == before


def test_the_last_identity_can_go_and_the_first_can_come(revocable: DemoAzure) -> None:
    named = revocable.show()["identity"]["userAssignedIdentities"]
    revocable.patch(levers.identity_patch("UserAssigned", {each: None for each in named if each != OWN}))
    identities = identities_of(revocable)
    identities.detach(ACCOUNT, A, request_id="request-1")
    assert identities.read(ACCOUNT).attached == frozenset()
    assert revocable.show().get("identity", {"type": "None"})["type"] == "None"
    identities.attach(ACCOUNT, A, request_id="request-2")
    assert identities.read(ACCOUNT).attached == {A}


def test_ids_are_the_same_in_every_case(revocable: DemoAzure) -> None:
    account = revocable.policy.accounts[ACCOUNT]
    shouted = replace(account, identities={name: own_id.upper() for name, own_id in account.identities.items()})
    identities = identities_of(revocable, accounts=lambda _name: shouted)
    before = identities.read(ACCOUNT)
    assert before.attached == account.identities.keys()
    assert before == identities_of(revocable).read(ACCOUNT)
    identities.detach(ACCOUNT, A, request_id="request-1")
    assert identities.read(ACCOUNT).attached == before.attached - {A}
    identities.attach(ACCOUNT, A, request_id="request-2")
    assert identities.read(ACCOUNT) == before


def test_what_is_so_already_is_not_sent(revocable: DemoAzure) -> None:
    identities, sent = identities_of(revocable), revocable.counted("updateAccount")
    assert identities.attach(ACCOUNT, A, request_id="request-1") is None
    assert revocable.counted("updateAccount") == sent
    assert identities.detach(ACCOUNT, A, request_id="request-2")
    assert identities.detach(ACCOUNT, A, request_id="request-3") is None
    assert revocable.counted("updateAccount") == sent + 1


def test_an_identity_that_the_policy_does_not_name_is_left_alone(azure: DemoAzure) -> None:
    sent = azure.counted("updateAccount")
    with pytest.raises(NotFound) as refused:
        identities_of(azure).detach(ACCOUNT, "service-issuer", request_id="request-1")
    assert refused.value.extra["effect"] == "none"
    assert azure.counted("updateAccount") == sent


def test_an_account_that_is_being_changed_is_not_touched(revocable: DemoAzure) -> None:
    identities, sent = identities_of(revocable), revocable.counted("updateAccount")
    revocable.emulator.control("PATCH", "settings", {"provisioningDelay": "PT2S"})
    assert identities.detach(ACCOUNT, A, request_id="request-1")
    with pytest.raises(AzureRefused) as busy:
        identities.detach(ACCOUNT, B, request_id="request-2")
    assert busy.value.extra == {"effect": "none", "code": "Conflict"}
    assert busy.value.retry_after == timedelta(seconds=5)
    assert revocable.counted("updateAccount") == sent + 1
    revocable.emulator.control("POST", "clock", {"advance": "PT2S"})
    assert identities.detach(ACCOUNT, B, request_id="request-3")
    revocable.emulator.control("POST", "clock", {"advance": "PT2S"})


def test_a_change_that_began_between_our_look_and_our_patch_is_the_same(revocable: DemoAzure) -> None:
    fault = {"operation": "updateAccount", "kind": "status", "status": 409, "code": "Conflict"}
    revocable.emulator.control("POST", "faults", fault)
    with pytest.raises(AzureRefused) as busy:
        identities_of(revocable).detach(ACCOUNT, A, request_id="request-1")
    assert (busy.value.extra["effect"], busy.value.retry_after) == ("none", timedelta(seconds=5))
    assert busy.value.__context__ is None


class Meddler(HTTPAdapter):
    """Another operator, who changes the account after our look and before our PATCH arrives."""

    def __init__(self, azure: DemoAzure, change: object) -> None:
        super().__init__()
        self._azure = azure
        self._change = change

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        if request.method == "PATCH":
            self._azure.patch(self._change)
        return super().send(request, *args, **options)


MEDDLING: dict[str, tuple[dict[str, Any], str]] = {
    "a foreign identity": (levers.identity_patch("UserAssigned", {FOREIGN: {}}), "foreignIdentities"),
    "another of ours": (levers.identity_patch("UserAssigned", {demo_world.identity_resource_id(B): None}), B),
    "local authentication": ({"properties": {"disableLocalAuth": True}}, "properties.disableLocalAuth"),
    "tags": ({"tags": {"colour": "secret-colour"}}, "tags"),
}


@pytest.mark.parametrize("name", MEDDLING)
def test_what_another_operator_changes_at_the_same_time_is_noticed(revocable: DemoAzure, name: str) -> None:
    change, told = MEDDLING[name]
    outbound = Outbound(connect_timeout=2, read_timeout=5)
    outbound.session().mount(revocable.emulator.url, Meddler(revocable, change))
    identities = identities_of(revocable, outbound=outbound)
    with pytest.raises(WriteUnconfirmed) as noticed:
        identities.detach(ACCOUNT, A, request_id="request-1")
    assert noticed.value.extra["effect"] == "unknown"
    assert told in str(noticed.value)
    assert "secret-colour" not in str(noticed.value)
    assert A not in identities.read(ACCOUNT).attached
    outbound.close()


def test_an_azure_that_replaces_the_whole_list_is_noticed(revocable: DemoAzure) -> None:
    attach_foreign(revocable)
    identities = identities_of(revocable)
    identities.detach(ACCOUNT, A, request_id="request-1")
    revocable.emulator.control("PATCH", "settings", {"identityPatchMode": "replace"})
    with pytest.raises(WriteUnconfirmed, match="foreignIdentities"):
        identities.attach(ACCOUNT, A, request_id="request-2")


@pytest.mark.parametrize(
    ("fault", "takes_effect"),
    [
        ({"kind": "effectThenReset"}, True),
        ({"kind": "effectThenTimeout", "seconds": 3}, True),
        ({"kind": "effectThenStatus", "status": 503, "retryAfter": 1}, True),
        ({"kind": "halfBody"}, True),
        ({"kind": "slowDrip", "seconds": 200}, True),
        ({"kind": "status", "status": 500}, False),
        ({"kind": "reset"}, False),
    ],
)
@pytest.mark.parametrize("attached", [False, True])
def test_a_change_is_sent_once_and_its_outcome_is_unknown(
    revocable: DemoAzure, fault: dict[str, object], takes_effect: bool, attached: bool
) -> None:
    identities = identities_of(revocable)
    if attached:
        identities.detach(ACCOUNT, A, request_id="request-0")
    sent = revocable.counted("updateAccount")
    revocable.emulator.control("POST", "faults", {"operation": "updateAccount", "times": 0, **fault})
    with pytest.raises(AzureUnavailable) as unknown:
        (identities.attach if attached else identities.detach)(ACCOUNT, A, request_id="request-1")
    revocable.emulator.control("DELETE", "faults")
    assert unknown.value.extra["effect"] == "unknown"
    assert revocable.counted("updateAccount") == sent + 1
    assert (A in identities.read(ACCOUNT).attached) == (attached == takes_effect)


def test_a_look_that_fails_before_the_change_had_no_effect(revocable: DemoAzure) -> None:
    sent = revocable.counted("updateAccount")
    revocable.emulator.control("POST", "faults", {"operation": "getAccount", "kind": "reset", "times": 0})
    with pytest.raises(AzureUnavailable) as failed:
        identities_of(revocable).detach(ACCOUNT, A, request_id="request-1")
    assert failed.value.extra["effect"] == "none"
    assert revocable.counted("updateAccount") == sent


def test_a_look_that_fails_after_the_change_does_not_unsay_it(revocable: DemoAzure) -> None:
    identities = identities_of(revocable)
    fault = {"operation": "getAccount", "kind": "status", "status": 429, "after": 1, "times": 1}
    revocable.emulator.control("POST", "faults", fault)
    assert identities.detach(ACCOUNT, A, request_id="request-1")
    assert A not in identities.read(ACCOUNT).attached


def test_a_change_that_was_accepted_but_is_not_there_is_told(revocable: DemoAzure) -> None:
    fault = {"operation": "updateAccount", "kind": "status", "status": 202}
    revocable.emulator.control("POST", "faults", fault)
    with pytest.raises(WriteUnconfirmed, match="does not show"):
        identities_of(revocable).detach(ACCOUNT, A, request_id="request-1")
    revocable.emulator.control("POST", "faults", {**fault, "kind": "effectThenStatus"})
    assert identities_of(revocable).detach(ACCOUNT, A, request_id="request-2")


def test_the_issuer_may_read_but_not_change(revocable: DemoAzure) -> None:
    identities = identities_of(revocable, "service-issuer")
    assert A in identities.read(ACCOUNT).attached
    with pytest.raises(SasServiceError) as refused:
        identities.detach(ACCOUNT, A, request_id="request-1")
    assert (refused.value.extra["effect"], refused.value.extra["code"]) == ("none", "AuthorizationFailed")


def test_the_body_names_the_identity_as_the_account_spells_it_and_nothing_else() -> None:
    document = account_document(maps_web_a="principal-a", maps_web_b="principal-b")
    state = state_of(document)
    assert state is not None
    spelling = next(iter(document["identity"]["userAssignedIdentities"]))
    assert identity_patch(state, spelling.lower(), attached=False) == {
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {spelling: None}}
    }
    assert identity_patch(state, "/new", attached=True) == {
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {"/new": {}}}
    }


@pytest.mark.parametrize(
    ("kind", "left"), [("UserAssigned", "None"), ("SystemAssigned,UserAssigned", "SystemAssigned")]
)
def test_the_type_alone_removes_the_last_identity(kind: str, left: str) -> None:
    document = account_document(maps_web_a="principal-a")
    document["identity"]["type"] = kind
    state = state_of(document)
    assert state is not None
    (spelling,) = document["identity"]["userAssignedIdentities"]
    assert identity_patch(state, spelling, attached=False) == {"identity": {"type": left}}


@pytest.mark.parametrize("identity", [None, {}, {"type": "None"}, {"type": "None", "userAssignedIdentities": None}])
def test_no_identity_has_many_forms(identity: object) -> None:
    state = state_of({"identity": identity, "properties": {"provisioningState": "Succeeded"}})
    assert state is not None
    assert (state.named, state.system) == ({}, "")
    assert identity_patch(state, "/new", attached=True) == {
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {"/new": {}}}
    }


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"properties": None},
        {"identity": [], "properties": {}},
        {"identity": {"userAssignedIdentities": ["/id"]}, "properties": {}},
    ],
)
def test_an_account_of_another_shape_is_not_read(document: object) -> None:
    assert state_of(document) is None


def test_two_names_for_one_identity_change_together(revocable: DemoAzure) -> None:
    account: Account = revocable.policy.accounts[ACCOUNT]
    twice = replace(account, identities={**account.identities, "alias": account.identities[A].upper()})
    identities = identities_of(revocable, accounts=lambda _name: twice)
    assert identities.detach(ACCOUNT, "alias", request_id="request-1")
    assert {A, "alias"}.isdisjoint(identities.read(ACCOUNT).attached)
