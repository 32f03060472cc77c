from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.contract.emulator import worlds
from tests.contract.emulator.clients import Clients, code_of
from tests.contract.emulator.test_roles import assign


def test_an_identity_is_shown_with_its_ids(clients: Clients) -> None:
    found = clients.identities().user_assigned_identities.get(worlds.GROUP, "web-a")
    assert (found.client_id, found.principal_id, found.tenant_id) == (
        worlds.WEB_A,
        worlds.WEB_A_PRINCIPAL,
        worlds.TENANT,
    )
    assert "/resourcegroups/" in found.id
    assert found.id.lower() == worlds.identity_id("web-a").lower()
    assert "web-a" in {each.name for each in clients.identities().user_assigned_identities.list_by_subscription()}


def test_a_new_identity_serves_a_token_until_it_is_deleted(clients: Clients) -> None:
    identities = clients.identities().user_assigned_identities
    made = identities.create_or_update(worlds.GROUP, "fresh", {"location": "eastus", "tags": {"key1": "value1"}})
    assert made.tags == {"key1": "value1"}
    assert identities.update(worlds.GROUP, "fresh", {"tags": {"key2": "value2"}}).tags == {"key2": "value2"}
    attached: dict[str, Any] = {worlds.identity_id("fresh"): {}}
    body = {"identity": {"type": "UserAssigned", "userAssignedIdentities": attached}}
    clients.maps().accounts.update(worlds.GROUP, worlds.ACCOUNT, body)
    assign(clients, made.principal_id)
    token = clients.sas(principalId=made.principal_id)
    assert clients.locate(token) == 200
    identities.delete(worlds.GROUP, "fresh")
    assert clients.locate(token) == 401
    with pytest.raises(ResourceNotFoundError):
        identities.get(worlds.GROUP, "fresh")
    gone = clients.maps().accounts.get(worlds.GROUP, worlds.ACCOUNT).identity.user_assigned_identities
    assert gone[worlds.identity_id("fresh")].principal_id is None
    attached[worlds.identity_id("fresh")] = None
    clients.maps().accounts.update(worlds.GROUP, worlds.ACCOUNT, body)


@pytest.mark.parametrize("scope", [worlds.ACCOUNT_ID, worlds.GROUP_ID, f"/subscriptions/{worlds.SUBSCRIPTION}"])
def test_a_read_only_lock_blocks_post_actions_below_it(clients: Clients, scope: str) -> None:
    # The locks client is a package of its own; its requests are these.
    token = clients.credential().get_token("https://management.azure.com/.default").token
    options: dict[str, Any] = {"headers": {"Authorization": f"Bearer {token}"}}
    path = f"{scope}/providers/Microsoft.Authorization/locks/freeze?api-version=2016-09-01"
    body = {"properties": {"level": "ReadOnly"}}
    assert clients.get(path, method="PUT", json=body, **options).status_code == 201
    with pytest.raises(HttpResponseError) as refused:
        clients.sas()
    assert (refused.value.status_code, code_of(refused)) == (409, "ScopeLocked")
    assert clients.maps().accounts.get(worlds.GROUP, worlds.ACCOUNT)
    assert clients.get(path, method="DELETE", **options).status_code == 200
    assert clients.sas()


def test_secrets(clients: Clients) -> None:
    vault = clients.vault("maps-vault")
    assert vault.get_secret("shared-key").value == "first value"
    made = vault.set_secret("shared-key", "second value", content_type="text/plain", tags={"team": "web"})
    assert made.properties.vault_url == "https://maps-vault.vault.azure.net"
    assert vault.get_secret("shared-key").properties.version == made.properties.version
    versions = list(vault.list_properties_of_secret_versions("shared-key"))
    assert len(versions) == 2
    oldest = min(versions, key=lambda each: each.version != made.properties.version and -1)
    assert vault.get_secret("shared-key", oldest.version).value == "first value"
    assert [each.name for each in vault.list_properties_of_secrets()] == ["shared-key"]
    with pytest.raises(ResourceNotFoundError) as missing:
        vault.get_secret("nothing")
    assert code_of(missing) == "SecretNotFound"


def test_access_policies_decide(clients: Clients) -> None:
    reader = clients.vault("maps-vault", clients.credential(worlds.BACKEND))
    assert reader.get_secret("shared-key").value
    with pytest.raises(HttpResponseError, match="does not have secrets set permission") as refused:
        reader.set_secret("shared-key", "x")
    assert refused.value.status_code == 403


def test_roles_decide_in_an_rbac_vault(clients: Clients) -> None:
    vault = clients.vault("rbac-vault", clients.credential(worlds.NOBODY))
    with pytest.raises(HttpResponseError, match="not authorized") as refused:
        vault.set_secret("key", "value")
    assert refused.value.status_code == 403
    scope = f"{worlds.GROUP_ID}/providers/Microsoft.KeyVault/vaults/rbac-vault"
    officer = "/providers/Microsoft.Authorization/roleDefinitions/b86a8fe4-44ce-4948-aee5-eccb2c155cd7"
    assign(clients, worlds.principal(6), officer, scope)
    assert vault.set_secret("key", "value").value == "value"


def test_the_vault_host_name_works_like_the_path(clients: Clients) -> None:
    token = clients.credential().get_token("https://vault.azure.net/.default").token
    headers = {"Host": "maps-vault.vault.azure.net", "Authorization": f"Bearer {token}"}
    assert clients.get("/secrets/shared-key?api-version=7.6", headers=headers).status_code == 200
    challenge = clients.get("/secrets/shared-key?api-version=7.6", headers={"Host": headers["Host"]})
    assert challenge.status_code == 401
    assert f"/{worlds.TENANT}" in challenge.headers["WWW-Authenticate"]
    assert 'resource="https://vault.azure.net"' in challenge.headers["WWW-Authenticate"]
