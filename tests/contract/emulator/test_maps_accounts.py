import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.mgmt.maps.models import ManagedServiceIdentity, MapsAccountUpdateParameters

from tests.contract.emulator import worlds
from tests.contract.emulator.clients import Clients, claims, code_of
from tests.emulator_process import RunningEmulator

WEB_A, WEB_B, SPARE = (worlds.identity_id(name) for name in ("web-a", "web-b", "spare"))


def get(clients: Clients) -> Any:
    return clients.maps().accounts.get(worlds.GROUP, worlds.ACCOUNT)


def patch(clients: Clients, body: Any, **options: Any) -> Any:
    return clients.maps().accounts.update(worlds.GROUP, worlds.ACCOUNT, body, **options)


def identities(account: Any) -> set[str]:
    return set(account.identity.user_assigned_identities)


@pytest.fixture
def as_before(clients: Clients) -> Any:
    """Put the account back, whatever a test did to it."""
    yield
    own: dict[str, Any] = {WEB_A: {}, WEB_B: {}, SPARE: None}
    body = {
        "kind": "Gen2",
        "sku": {"name": "G2"},
        "identity": {"type": "UserAssigned", "userAssignedIdentities": own},
        "properties": {"disableLocalAuth": False, "cors": {"corsRules": []}},
    }
    patch(clients, body)


def test_get(clients: Clients) -> None:
    account = get(clients)
    assert account.id == worlds.ACCOUNT_ID
    assert (account.kind, account.sku.name, account.sku.tier, account.location) == ("Gen2", "G2", "Standard", "eastus")
    assert account.properties.unique_id == worlds.ACCOUNT_CLIENT_ID
    assert account.properties.provisioning_state == "Succeeded"
    assert account.identity.type == "UserAssigned"
    assert account.identity.user_assigned_identities[WEB_A].principal_id == worlds.WEB_A_PRINCIPAL
    assert account.identity.user_assigned_identities[WEB_A].client_id == worlds.WEB_A
    assert account.system_data.created_at


def test_ids_are_compared_without_case(clients: Clients) -> None:
    assert clients.maps().accounts.get("MAPS-RG", "Maps-One").properties.unique_id == worlds.ACCOUNT_CLIENT_ID


def test_lists(clients: Clients) -> None:
    names = {account.name for account in clients.maps().accounts.list_by_subscription()}
    assert {worlds.ACCOUNT, "old-global"} <= names
    assert worlds.ACCOUNT in {each.name for each in clients.maps().accounts.list_by_resource_group(worlds.GROUP)}


def test_what_does_not_exist(clients: Clients) -> None:
    with pytest.raises(ResourceNotFoundError) as no_account:
        clients.maps().accounts.get(worlds.GROUP, "nothing")
    assert code_of(no_account) == "ResourceNotFound"
    with pytest.raises(ResourceNotFoundError) as no_group:
        clients.maps().accounts.get("nowhere", worlds.ACCOUNT)
    assert code_of(no_group) == "ResourceGroupNotFound"


def test_create_and_delete(clients: Clients) -> None:
    body = {"location": "East US", "sku": {"name": "G2"}, "kind": "Gen2", "tags": {"test": "true"}}
    accounts = clients.maps().accounts
    made = accounts.create_or_update(worlds.GROUP, "temporary", body)
    assert (made.location, made.tags, made.properties.disable_local_auth) == ("eastus", {"test": "true"}, False)
    assert len(made.properties.unique_id) == 36
    moved = body | {"location": "westeurope"}
    with pytest.raises(ResourceExistsError) as refused:
        accounts.create_or_update(worlds.GROUP, "temporary", moved)
    assert code_of(refused) == "InvalidResourceLocation"
    accounts.delete(worlds.GROUP, "temporary")
    accounts.delete(worlds.GROUP, "temporary")
    with pytest.raises(ResourceNotFoundError):
        accounts.get(worlds.GROUP, "temporary")


def test_the_default_patch_model_changes_what_nobody_meant(clients: Clients, as_before: None) -> None:
    patch(clients, {"properties": {"disableLocalAuth": True}})
    patch(clients, MapsAccountUpdateParameters(tags={"a": "b"}))
    account = get(clients)
    assert (account.kind, account.properties.disable_local_auth) == ("Gen1", False)


def test_a_raw_patch_changes_only_what_it_names(clients: Clients, as_before: None) -> None:
    before = get(clients).as_dict()
    patch(clients, {"properties": {"cors": {"corsRules": [{"allowedOrigins": ["https://shop.example"]}]}}})
    after = get(clients).as_dict()
    assert after["properties"].pop("cors") == {"cors_rules": [{"allowed_origins": ["https://shop.example"]}]}
    before["properties"].pop("cors", None)
    assert {**after, "system_data": None} == {**before, "system_data": None}


@pytest.mark.parametrize("kind", ["dict", "model"])
def test_identities_merge_and_null_removes(clients: Clients, as_before: None, kind: str) -> None:
    def body(ids: dict[str, Any]) -> Any:
        if kind == "dict":
            return {"identity": {"type": "UserAssigned", "userAssignedIdentities": ids}}
        identity = ManagedServiceIdentity(type="UserAssigned", user_assigned_identities=ids)
        unset: Any = None
        return MapsAccountUpdateParameters(identity=identity, kind=unset, disable_local_auth=unset)

    patch(clients, body({SPARE: {}}))
    assert identities(get(clients)) == {WEB_A, WEB_B, SPARE}
    patch(clients, body({WEB_A: None}))
    assert identities(get(clients)) == {WEB_B, SPARE}


def test_replacing_identities_is_a_setting(clients: Clients, as_before: None, emulator: RunningEmulator) -> None:
    emulator.control("PATCH", "settings", {"identityPatchMode": "replace"})
    patch(clients, {"identity": {"type": "UserAssigned", "userAssignedIdentities": {SPARE: {}}}})
    assert identities(get(clients)) == {SPARE}
    emulator.control("PATCH", "settings", {"identityPatchMode": "merge"})


def test_type_none_removes_all(clients: Clients, as_before: None) -> None:
    patch(clients, {"identity": {"type": "None"}})
    assert get(clients).identity is None


def test_a_global_account_refuses_identities(clients: Clients) -> None:
    body = {"identity": {"type": "UserAssigned", "userAssignedIdentities": {WEB_A: {}}}}
    with pytest.raises(HttpResponseError, match="Cannot assign identity to a global account"):
        clients.maps().accounts.update(worlds.GROUP, "old-global", body)


@pytest.mark.parametrize(
    "body",
    [
        {"nonsense": 1},
        {"properties": {"cors": {"corsRules": [{"allowedOrigins": ["a"]}, {"allowedOrigins": ["b"]}]}}},
        {"identity": {"type": "UserAssigned", "userAssignedIdentities": {worlds.identity_id("ghost"): {}}}},
        {"sku": {"name": "S9"}},
    ],
)
def test_wrong_patches(clients: Clients, body: dict[str, Any]) -> None:
    with pytest.raises(HttpResponseError) as refused:
        patch(clients, json.dumps(body).encode())
    assert refused.value.status_code == 400


def test_an_account_that_is_being_updated_refuses_the_next_update(clients: Clients, emulator: RunningEmulator) -> None:
    emulator.control("PATCH", "settings", {"provisioningDelay": "PT1M"})
    assert patch(clients, {"tags": {"step": "1"}}).properties.provisioning_state == "Updating"
    with pytest.raises(ResourceExistsError, match="terminal states"):
        patch(clients, {"tags": {"step": "2"}})
    emulator.control("POST", "clock", {"advance": "PT1M"})
    assert get(clients).properties.provisioning_state == "Succeeded"


def test_keys_as_recorded_from_the_real_service(clients: Clients) -> None:
    accounts = clients.maps(api_version="2021-02-01").accounts
    before = accounts.list_keys(worlds.GROUP, worlds.ACCOUNT)
    assert len(before.primary_key) == len(before.secondary_key) == 43
    after = accounts.regenerate_keys(worlds.GROUP, worlds.ACCOUNT, {"keyType": "primary"})
    assert after.primary_key != before.primary_key
    assert after.secondary_key == before.secondary_key
    assert after.primary_key_last_updated > before.primary_key_last_updated
    assert after.primary_key_last_updated.endswith("Z")
    assert len(after.primary_key_last_updated.rpartition(".")[2]) == 8
    assert after.secondary_key_last_updated == before.secondary_key_last_updated
    with pytest.raises(HttpResponseError) as refused:
        accounts.regenerate_keys(worlds.GROUP, worlds.ACCOUNT, {"keyType": "tertiary"})
    assert refused.value.status_code == 400


def test_list_sas_signs_a_jwt_with_the_asked_limits(clients: Clients) -> None:
    token = clients.sas(regions=["eastus", "West US 2"], maxRatePerSecond=10)
    assert token.startswith("eyJ0e")
    found = claims(token)
    assert found["accountId"] == worlds.ACCOUNT_CLIENT_ID
    assert found["principalId"] == worlds.WEB_A_PRINCIPAL
    assert (found["maxRatePerSecond"], found["regions"]) == (10, ["eastus", "westus2"])
    assert found["exp"] - found["nbf"] == 3600


def test_claim_names_are_a_setting(clients: Clients, emulator: RunningEmulator) -> None:
    emulator.control("PATCH", "settings", {"sasClaims": {"account": "cid", "tokenId": None}})
    token = clients.sas()
    assert claims(token)["cid"] == worlds.ACCOUNT_CLIENT_ID
    assert "jti" not in claims(token)
    assert clients.locate(token) == 200


START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "wrong",
    [
        {"maxRatePerSecond": 0},
        {"maxRatePerSecond": 501},
        {"maxRatePerSecond": None},
        {"signingKey": "tertiaryKey"},
        {"principalId": worlds.SPARE_PRINCIPAL},
        {"principalId": "somebody"},
        {"start": "2026-01-02T00:00:00Z", "expiry": "2026-01-01T00:00:00Z"},
        {"start": "2026-01-01T00:00:00Z", "expiry": "2027-01-01T00:00:01Z"},
        {"start": "tomorrow"},
        {"regions": "eastus"},
    ],
)
def test_list_sas_refuses(clients: Clients, wrong: dict[str, Any]) -> None:
    with pytest.raises(HttpResponseError) as refused:
        clients.sas(**wrong)
    assert (refused.value.status_code, code_of(refused)) == (400, "BadRequest")


@pytest.mark.parametrize(
    "text",
    [
        "2030-05-24T10:42:03.1567373Z",
        "2030-05-24T10:42:03.156Z",
        "2030-05-24 10:42:03Z",
        "2030-05-24T12:42:03.0000000+02:00",
        "2030-05-24 10:42:03.123456+00:00",
        "2030-05-24T10:42:03.123456+00:00Z",
    ],
)
def test_list_sas_reads_the_dates_that_public_callers_send(clients: Clients, text: str) -> None:
    token = clients.sas(start=text, expiry="2030-05-25T10:00:00Z")
    assert claims(token)["nbf"] == datetime(2030, 5, 24, 10, 42, 3, tzinfo=UTC).timestamp()


def test_the_lifetime_ceiling_is_a_setting(clients: Clients, emulator: RunningEmulator) -> None:
    start = datetime.fromtimestamp(clients.now(), UTC)
    times = {"start": f"{start:%FT%TZ}", "expiry": f"{start + timedelta(days=1):%FT%TZ}"}
    emulator.control("PATCH", "settings", {"sasMaxLifetime": "P1D"})
    assert clients.sas(**times)
    emulator.control("PATCH", "settings", {"sasMaxLifetimeInclusive": False})
    with pytest.raises(HttpResponseError, match="can't be more than"):
        clients.sas(**times)


def test_list_sas_is_unknown_to_old_versions(clients: Clients) -> None:
    with pytest.raises(HttpResponseError) as refused:
        clients.maps(api_version="2021-02-01").accounts.list_sas(worlds.GROUP, worlds.ACCOUNT, {})
    assert code_of(refused) == "InvalidResourceType"


def test_the_api_version_is_checked(clients: Clients) -> None:
    with pytest.raises(HttpResponseError, match="could not be found in the namespace 'Microsoft"):
        clients.maps(api_version="1999-01-01").accounts.get(worlds.GROUP, worlds.ACCOUNT)


def test_a_token_for_another_audience_is_refused(clients: Clients) -> None:
    with pytest.raises(ClientAuthenticationError) as refused:
        clients.maps(credential_scopes=["api://sas-service/.default"]).accounts.get(worlds.GROUP, worlds.ACCOUNT)
    assert "InvalidAuthenticationTokenAudience" in str(refused.value)


def test_published_operations_do_not_mention_list_sas(clients: Clients) -> None:
    names = {operation.name for operation in clients.maps().maps.list_operations()}
    assert "Microsoft.Maps/accounts/regenerateKey/action" in names
    assert "Microsoft.Maps/accounts/listSas/action" not in names


def headers_of(clients: Clients, **call: Any) -> Any:
    def take(response: Any, _document: object, _headers: object) -> Any:
        return response.http_response.headers

    return clients.maps().accounts.list_keys(worlds.GROUP, worlds.ACCOUNT, cls=take, **call)


def test_arm_headers_and_limits(clients: Clients, emulator: RunningEmulator) -> None:
    small = {"size": 3, "refillPerSecond": 1.0}
    emulator.control("POST", "clock", {"freeze": True})
    emulator.control("PATCH", "settings", {"throttling": True, "throttlingBuckets": {"writes": small}})
    try:
        assert headers_of(clients)["x-ms-request-id"]
        assert headers_of(clients)["x-ms-ratelimit-remaining-subscription-writes"] == "1"
        assert headers_of(clients)["x-ms-ratelimit-remaining-subscription-global-writes"]
        with pytest.raises(HttpResponseError) as refused:
            headers_of(clients, retry_total=0)
        assert refused.value.status_code == 429
        response: Any = refused.value.response
        assert response.headers["Retry-After"] == "1"
        assert code_of(refused) == "SubscriptionRequestsThrottled"
        assert get(clients)
        emulator.control("POST", "clock", {"advance": "PT1S"})
        assert headers_of(clients)
    finally:
        emulator.control("POST", "clock", {"freeze": False})
