"""A second implementation of the official clients, from Node and as published, finds the same Azure."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.emulator import worlds
from tests.contract.emulator.clients import SECRETS, claims
from tests.emulator_process import RunningEmulator, start_emulator
from tests.node import packages

# One worker for all: each process that runs these scripts costs an emulator.


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    """Over TLS: the official clients send a credential over nothing less."""
    packages.require_packages()
    world = worlds.world()
    reader = {"scope": worlds.ACCOUNT_ID, "principalId": worlds.principal(2), "role": "Azure Maps Data Reader"}
    world["roleAssignments"].append(reader)
    running = start_emulator(tmp_path_factory.mktemp("node"), world, tls=True)
    yield running
    running.stop()


def run(script: str, emulator: RunningEmulator) -> dict[str, Any]:
    told = {
        "url": emulator.url,
        "tenant": worlds.TENANT,
        "subscription": worlds.SUBSCRIPTION,
        "group": worlds.GROUP,
        "account": worlds.ACCOUNT,
        "accountClientId": worlds.ACCOUNT_CLIENT_ID,
        "principal": worlds.WEB_A_PRINCIPAL,
        "owner": worlds.OWNER,
        "reader": worlds.BACKEND,
        "nobody": worlds.NOBODY,
        "issuer": worlds.ISSUER,
        "secrets": SECRETS,
    }
    found: dict[str, Any] = packages.run_script(
        script,
        told,
        NODE_EXTRA_CA_CERTS=str(emulator.certificate),
        IDENTITY_ENDPOINT=f"{emulator.url}/msi/token",
        IDENTITY_HEADER="service-header",
    )
    return found


@pytest.fixture(scope="module")
def managed(emulator: RunningEmulator) -> dict[str, Any]:
    return run("management.mjs", emulator)


@pytest.fixture(scope="module")
def searched(emulator: RunningEmulator, managed: dict[str, Any]) -> dict[str, Any]:
    """After the first script: both regenerate keys."""
    return run("search.mjs", emulator)


def test_accounts_are_read_and_listed(managed: dict[str, Any]) -> None:
    account = managed["get"]["value"]
    assert (account["id"], account["location"], account["kind"]) == (worlds.ACCOUNT_ID, "eastus", "Gen2")
    assert account["properties"]["uniqueId"] == worlds.ACCOUNT_CLIENT_ID
    identities = account["identity"]["userAssignedIdentities"]
    assert identities[worlds.identity_id("web-a")]["principalId"] == worlds.WEB_A_PRINCIPAL
    assert managed["listed"] == managed["listedInSubscription"] == {"value": [worlds.ACCOUNT, "old-global"]}


def test_regenerating_changes_one_key_and_its_date(managed: dict[str, Any]) -> None:
    before, answer, after = (managed[name]["value"] for name in ("keys", "regenerated", "keysAfter"))
    assert answer == after
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"secondaryKey", "secondaryKeyLastUpdated"}


def test_list_sas_signs_for_an_owner_and_for_a_managed_identity(managed: dict[str, Any]) -> None:
    for who in ("sas", "sasOfManagedIdentity"):
        assert claims(managed[who]["value"]["accountSasToken"])["exp"] > 0


@pytest.mark.parametrize(
    ("attempt", "code", "status"),
    [
        ("sasOfNobody", "AuthorizationFailed", 403),
        ("keysOfManagedIdentity", "AuthorizationFailed", 403),
        ("sasTooFast", "BadRequest", 400),
        ("missing", "ResourceNotFound", 404),
    ],
)
def test_refusals_reach_the_client_as_its_own_error(
    managed: dict[str, Any], attempt: str, code: str, status: int
) -> None:
    told = managed[attempt]
    assert (told["error"], told["code"], told["status"]) == ("RestError", code, status)


def test_a_wrong_secret_is_told_as_by_entra(managed: dict[str, Any]) -> None:
    assert managed["wrongSecret"]["error"] == "AuthenticationRequiredError"
    assert "AADSTS7000215" in managed["wrongSecret"]["message"]


@pytest.mark.parametrize("attempt", ["geocode", "withKey", "withEntra", "signedAnew"])
def test_every_credential_finds_paris(searched: dict[str, Any], attempt: str) -> None:
    told = searched[attempt]["value"]
    assert (told["status"], told["unexpected"]) == (200, False)
    assert told["body"]["features"][0]["geometry"] == {"type": "Point", "coordinates": [2.3522, 48.8566]}


def test_reverse_and_batch(searched: dict[str, Any]) -> None:
    nearest = searched["reverse"]["value"]["body"]["features"][0]["properties"]["address"]
    assert nearest["locality"] == "Paris"
    assert searched["batchWithKey"]["value"]["body"]["summary"] == {"successfulRequests": 2, "totalRequests": 2}


@pytest.mark.parametrize(
    ("attempt", "status", "challenge"),
    [
        ("tampered", 401, 'jwt-sas realm="https://atlas.microsoft.com/", error="InvalidSignature"'),
        ("afterRegeneration", 401, 'jwt-sas realm="https://atlas.microsoft.com/", error="InvalidSignature"'),
        ("wrongKey", 401, 'SharedKey realm="https://atlas.microsoft.com/"'),
        ("withEntraForAnotherAccount", 401, 'Bearer realm="https://atlas.microsoft.com/", error="InvalidClientId"'),
        ("withEntraAndNoRole", 403, ""),
        ("batchWithReaderSas", 403, ""),
        ("foreignRegion", 403, ""),
        ("emptyQuery", 400, ""),
    ],
)
def test_refusals_of_the_data_plane(searched: dict[str, Any], attempt: str, status: int, challenge: str) -> None:
    told = searched[attempt]["value"]
    assert (told["status"], told["unexpected"]) == (status, True)
    assert told.get("challenge", "").startswith(challenge)
    assert bool(told.get("challenge")) == bool(challenge)
    assert set(told["body"]) == {"error"}


def test_the_lock_names_packages_and_hashes_and_no_address() -> None:
    text = (packages.FOLDER / "package-lock.json").read_text()
    assert "://" not in text, "made with `npm run lock`?"
    installed = [entry for path, entry in json.loads(text)["packages"].items() if path]
    assert installed
    assert all(entry["integrity"].startswith("sha512-") for entry in installed)


def test_every_version_is_exact() -> None:
    wanted = json.loads((packages.FOLDER / "package.json").read_text())
    versions = wanted["dependencies"] | wanted["overrides"]
    assert [name for name, version in versions.items() if not version[0].isdigit()] == []
