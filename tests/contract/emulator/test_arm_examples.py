"""Every published ARM example is reproduced: the same request through the official client, the same shape of answer."""

import json
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.contract.emulator import worlds
from tests.contract.emulator.clients import Clients

EXAMPLES = Path(__file__).with_name("arm_examples")
GROUP = "myResourceGroup"
# Values that belong to the example's own world: only their presence and type can be the same.
PLACEHOLDER = re.compile(
    r"string|<.*>|.*/subscriptions/.*|[0-9a-f-]{36}|\d{4}-\d\d-\d\dT.*|accountSasToken|my\w+|\w*sub[iI][dD]|"
    r"/providers/Microsoft.Authorization/roleDefinitions/[0-9a-f-]{36}|\{acct\}|"
    r"Role name|roletype|Role description|role\w+Id|action|dataAction|identityName|value1",
)


def example(name: str) -> Any:
    """Return an example with its subscription replaced by that of this world."""
    text = (EXAMPLES / f"{name}.json").read_text()
    return json.loads(text.replace("21a9967a-e8a9-4656-a70b-96ff1c4d05a0", worlds.SUBSCRIPTION))


def body_of(name: str, status: str = "200") -> Any:
    return example(name)["responses"][status].get("body")


def covers(expected: Any, answer: Any, path: str = "$") -> None:
    """Assert that the answer has all members of the example, with its constants and types."""
    assert type(answer) is type(expected), f"{path}: {answer!r}"
    if isinstance(expected, dict):
        for key, part in expected.items():
            assert key in answer, f"{path}.{key} is missing in {sorted(answer)}"
            covers(part, answer[key], f"{path}.{key}")
    elif isinstance(expected, list):
        for place, part in enumerate(expected):
            assert place < len(answer), f"{path}[{place}] is missing"
            covers(part, answer[place], f"{path}[{place}]")
    elif not isinstance(expected, str) or not PLACEHOLDER.fullmatch(expected):
        assert answer == expected, path


def raw(response: Any, _document: object, _headers: object) -> Any:
    return response.http_response.status_code, json.loads(response.http_response.body())


@pytest.fixture
def account(clients: Clients) -> Any:
    """Make an account as an example expects to find it, and remove it afterwards."""
    accounts = clients.maps().accounts
    made = []

    def make(**differing: Any) -> str:
        name = f"example-{uuid.uuid4().hex[:8]}"
        body = {"location": "eastus", "sku": {"name": "G2"}, "kind": "Gen2", "properties": {"linkedResources": []}}
        accounts.create_or_update(GROUP, name, body | differing)
        made.append(name)
        return name

    yield make
    for name in made:
        accounts.delete(GROUP, name)


def parameters(name: str, key: str) -> Any:
    return example(name)["parameters"][key]


def test_get_account(clients: Clients, account: Callable[..., str]) -> None:
    name = account(kind="Gen1", sku={"name": "S0"}, tags={"test": "true"})
    status, answer = clients.maps().accounts.get(GROUP, name, cls=raw)
    assert status == 200
    covers(body_of("maps-2023-06-01-GetAccount"), answer)


def test_create_account_with_managed_identities(clients: Clients) -> None:
    source = "maps-2023-06-01-CreateAccountManagedIdentity"
    wanted, accounts = parameters(source, "MapsAccount"), clients.maps().accounts
    for status in ("201", "200"):
        code, answer = accounts.create_or_update(GROUP, "created", wanted, cls=raw)
        assert str(code) == status
        expected = body_of(source, status)
        # The official example asks for false and shows true.
        expected["properties"]["disableLocalAuth"] = False
        covers(expected, answer)
    accounts.delete(GROUP, "created")


@pytest.mark.parametrize("version", ["2023-06-01", "2026-12-01"])
def test_update_account_with_managed_identities(clients: Clients, account: Callable[..., str], version: str) -> None:
    source = f"maps-{version}-UpdateAccountManagedIdentity"
    wanted = parameters(source, "MapsAccountUpdateParameters")
    client = clients.maps(api_version=version)
    _, answer = client.accounts.update(GROUP, account(), json.dumps(wanted).encode(), cls=raw)
    covers(body_of(source), answer)


def test_update_tags(clients: Clients, account: Callable[..., str]) -> None:
    source = "maps-2023-06-01-UpdateAccount-tags"
    name = account(location="global", kind="Gen1", sku={"name": "S0"}, properties={})
    wanted = json.dumps(parameters(source, "MapsAccountUpdateParameters")).encode()
    _, answer = clients.maps().accounts.update(GROUP, name, wanted, cls=raw)
    covers(body_of(source), answer)
    assert "linkedResources" not in answer["properties"]


def test_update_to_gen2(clients: Clients, account: Callable[..., str]) -> None:
    source = "maps-2023-06-01-UpdateAccountGen2"
    name = account(kind="Gen1", sku={"name": "S0"})
    _, answer = clients.maps().accounts.update(GROUP, name, parameters(source, "MapsAccountUpdateParameters"), cls=raw)
    covers(body_of(source), answer)
    assert "tags" not in answer


@pytest.mark.parametrize("version", ["2023-06-01", "2026-12-01"])
def test_list_sas(clients: Clients, version: str) -> None:
    source = f"maps-{version}-AccountListSAS"
    wanted = parameters(source, "MapsAccountSasParameters") | {"principalId": worlds.WEB_A_PRINCIPAL}
    accounts = clients.maps(api_version=version).accounts
    _, answer = accounts.list_sas(worlds.GROUP, worlds.ACCOUNT, wanted, cls=raw)
    covers(body_of(source), answer)
    assert set(answer) == {"accountSasToken"}


def test_list_keys(clients: Clients) -> None:
    _, answer = clients.maps().accounts.list_keys(worlds.GROUP, worlds.ACCOUNT, cls=raw)
    covers(body_of("maps-2023-06-01-ListKeys"), answer)


@pytest.mark.parametrize("version", ["2023-06-01", "2026-12-01"])
def test_regenerate_key(clients: Clients, version: str) -> None:
    source = f"maps-{version}-RegenerateKey"
    accounts = clients.maps(api_version=version).accounts
    wanted = parameters(source, "keySpecification")
    _, answer = accounts.regenerate_keys(worlds.GROUP, worlds.ACCOUNT, wanted, cls=raw)
    covers(body_of(source), answer)
    assert ("id" in answer) is ("id" in body_of(source))


def test_published_operations(clients: Clients) -> None:
    expected = {(each["name"], each["description"]) for each in body_of("maps-2023-06-01-GetOperations")["value"]}
    found = {(each.name, each.display.description) for each in clients.maps().maps.list_operations()}
    assert found == expected


def test_recorded_key_traffic(clients: Clients) -> None:
    recorded = example("real-recording-maps-keys-2021-02-01")["interactions"]
    accounts = clients.maps(api_version="2021-02-01").accounts
    calls: list[Callable[[], Any]] = [
        lambda: accounts.list_keys(worlds.GROUP, worlds.ACCOUNT, cls=raw),
        lambda: accounts.regenerate_keys(worlds.GROUP, worlds.ACCOUNT, {"keyType": "primary"}, cls=raw),
        lambda: accounts.regenerate_keys(worlds.GROUP, worlds.ACCOUNT, {"keyType": "secondary"}, cls=raw),
    ]
    for interaction, call in zip(recorded, calls, strict=False):
        status, answer = call()
        assert status == interaction["response"]["status"]
        assert set(answer) == set(interaction["response"]["body"])
    patched = recorded[3]
    body = json.dumps(patched["request"]["body"]).encode()
    _, answer = accounts.update(worlds.GROUP, "old-global", body, cls=raw)
    covers(patched["response"]["body"], answer)


def test_get_identity(clients: Clients) -> None:
    clients.identities().user_assigned_identities.update(GROUP, "identityName", {"tags": {"key1": "a", "key2": "b"}})
    _, answer = clients.identities().user_assigned_identities.get(GROUP, "identityName", cls=raw)
    expected = body_of("msi-2024-11-30-IdentityGet")
    expected["tags"] = {"key1": "a", "key2": "b"}
    covers(expected, answer)
    assert "/resourcegroups/" in answer["id"]


def test_role_assignments(clients: Clients) -> None:
    source = "authz-2022-04-01-RoleAssignments_CreateForResource"
    assignments, name = clients.authorization().role_assignments, str(uuid.uuid4())
    wanted = example(source)["parameters"]["parameters"]
    wanted["properties"] |= {"principalId": worlds.USER, "principalType": "User"}
    role = (
        f"/subscriptions/{worlds.SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{worlds.DATA_READER}"
    )
    wanted["properties"]["roleDefinitionId"] = role
    for status in ("201", "200"):
        code, answer = assignments.create(worlds.ACCOUNT_ID, name, wanted, cls=raw)
        assert str(code) == status
        covers(body_of(source, status), answer)
    listed = [each.as_dict() for each in assignments.list_for_scope(worlds.ACCOUNT_ID) if each.name == name]
    (example_of_list,) = body_of("authz-2022-04-01-RoleAssignments_ListForScope")["value"]
    assert {"id", "name", "type"} <= set(listed[0])
    assert set(example_of_list) <= {*listed[0], "properties"}
    code, answer = assignments.delete(worlds.ACCOUNT_ID, name, cls=raw)
    assert code == 200
    covers(body_of("authz-2022-04-01-RoleAssignments_Delete"), answer)
    assert assignments.delete(worlds.ACCOUNT_ID, name) is None


def test_role_definition(clients: Clients) -> None:
    definitions = clients.authorization().role_definitions
    _, answer = definitions.get(f"/subscriptions/{worlds.SUBSCRIPTION}", worlds.SAS_ROLE, cls=raw)
    expected = body_of("authz-2022-04-01-GetRoleDefinitionByName")
    expected["properties"]["permissions"][0]["dataActions"] = []
    covers(expected, answer)


def test_no_example_was_forgotten() -> None:
    text = Path(__file__).read_text()
    forgotten = [
        path.stem
        for path in EXAMPLES.glob("*.json")
        if path.stem not in text and re.sub(r"\d{4}-\d\d-\d\d", "{version}", path.stem) not in text
    ]
    assert forgotten == []
