"""Key Vault secrets through the official client before the emulator: fingerprints come out, secrets only go in."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from sas_service.adapters.azure.account_keys import AzureAccountKeys
from sas_service.adapters.azure.credentials import CredentialChoice, CredentialKind, build_credential
from sas_service.adapters.azure.prefetched_credential import PrefetchedCredential
from sas_service.adapters.azure.shared_key_secrets import AzureSharedKeySecrets
from sas_service.adapters.azure.token_secrets import AzureTokenSecrets
from sas_service.adapters.azure.vaults import VAULT_SCOPE, Vaults
from sas_service.adapters.memory import (
    MemoryAccountKeys,
    MemoryAzure,
    MemoryClock,
    MemorySharedKeySecrets,
    MemoryTokenSecrets,
)
from sas_service.demo import world as demo_world
from sas_service.domain.errors import AzureRefused, AzureUnavailable, SasServiceError
from sas_service.domain.policy import VaultSecret
from sas_service.domain.slots import SigningKey
from sas_service.domain.tokens import SasToken
from sas_service.ports import AccountKeys, SharedKeySecrets, TokenSecrets
from tests.contract.azure.levers import ACCOUNT, PATIENCE, PEPPER, way
from tests.demo_azure import ACCOUNT_ID, DemoAzure
from tests.unit.adapters_azure.azure_world import all_text_of

EXPIRY = datetime(2030, 1, 1, tzinfo=UTC)
SECRET = SasToken("a-very-secret-value")
PRIMARY, SECONDARY = SigningKey.PRIMARY, SigningKey.SECONDARY


def vaults_of(azure: DemoAzure, identity: str = "service-operator") -> Vaults:
    choice = CredentialChoice(CredentialKind.MANAGED_IDENTITY, client_id=demo_world.guid(f"identity/{identity}"))
    credential = PrefetchedCredential(lambda: build_credential(choice, azure.outbound), scope=VAULT_SCOPE)
    return Vaults(credential=credential, outbound=azure.outbound, patience=PATIENCE)


def address(azure: DemoAzure) -> str:
    return f"{azure.emulator.url}/{demo_world.VAULT}.vault"


def shown(azure: DemoAzure, name: str) -> dict[str, Any]:
    """The secret as an application reads it."""
    choice = CredentialChoice(CredentialKind.MANAGED_IDENTITY, client_id=demo_world.guid("identity/service-operator"))
    bearer = PrefetchedCredential(lambda: build_credential(choice, azure.outbound), scope=VAULT_SCOPE).bearer()
    headers = {"Authorization": f"Bearer {bearer}"}
    answer = requests.get(f"{address(azure)}/secrets/{name}?api-version=7.6", headers=headers, timeout=5)
    document: dict[str, Any] = answer.json()
    return document


@dataclass
class Secrets:
    tokens: TokenSecrets
    shared: SharedKeySecrets
    keys: AccountKeys
    vault: str


@pytest.fixture(params=["memory", "azure"])
def secrets(request: pytest.FixtureRequest) -> Iterator[Secrets]:
    if request.param == "memory":
        clock = MemoryClock()
        azure = MemoryAzure(clock, ACCOUNT, ())
        yield Secrets(MemoryTokenSecrets(clock), MemorySharedKeySecrets(azure), MemoryAccountKeys(azure), "https://v")
        return
    real: DemoAzure = request.getfixturevalue("revocable")
    keys = AzureAccountKeys(pepper=PEPPER, patience=PATIENCE, **way(real))
    vaults = vaults_of(real)
    yield Secrets(AzureTokenSecrets(vaults), AzureSharedKeySecrets(vaults, keys), keys, address(real))


def test_a_token_is_known_again_by_its_fingerprint(secrets: Secrets) -> None:
    place, first, second = VaultSecret(secrets.vault, "token-1"), SasToken("first"), SasToken("second")
    assert secrets.tokens.read(place) is None
    one = secrets.tokens.put(place, first, expiry=EXPIRY, tags={"tokenId": "a"})
    kept = secrets.tokens.read(place)
    assert kept is not None
    assert (kept.version, kept.fingerprint) == (one, first.fingerprint)
    two = secrets.tokens.put(place, second, expiry=EXPIRY, tags={"tokenId": "b"})
    after = secrets.tokens.read(place)
    assert after is not None
    assert (after.version, after.fingerprint) == (two, second.fingerprint)
    assert one != two
    assert after.since >= kept.since


def test_a_shared_key_is_copied_as_it_is_now(secrets: Secrets) -> None:
    place = VaultSecret(secrets.vault, "key-1")
    assert secrets.shared.read(place) is None
    for key in (PRIMARY, SECONDARY, PRIMARY):
        assert secrets.shared.copy_key(ACCOUNT, key, place, request_id="request-1")
        kept = secrets.shared.read(place)
        assert kept is not None
        assert kept.fingerprint == secrets.keys.read(ACCOUNT).fingerprints[key]
    secrets.keys.regenerate(ACCOUNT, PRIMARY, request_id="request-2")
    stale = secrets.shared.read(place)
    assert stale is not None
    assert stale.fingerprint not in secrets.keys.read(ACCOUNT).fingerprints.values()


def test_what_an_application_reads(revocable: DemoAzure) -> None:
    place = VaultSecret(address(revocable), "token-2")
    AzureTokenSecrets(vaults_of(revocable)).put(place, SasToken("jwt"), expiry=EXPIRY, tags={"tokenId": "a"})
    secret = shown(revocable, "token-2")
    assert (secret["value"], secret["tags"]) == ("jwt", {"tokenId": "a"})
    assert secret["contentType"] == "application/vnd.azure-maps.sas-token"
    assert secret["attributes"]["exp"] == int(EXPIRY.timestamp())


def test_the_key_itself_arrives_and_is_nowhere_else(revocable: DemoAzure, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    keys = AzureAccountKeys(pepper=PEPPER, patience=PATIENCE, **way(revocable))
    shared = AzureSharedKeySecrets(vaults_of(revocable), keys)
    place = VaultSecret(address(revocable), "key-2")
    answer = shared.copy_key(ACCOUNT, PRIMARY, place, request_id="request-1")
    plain = revocable.arm("POST", f"{ACCOUNT_ID}/listKeys").json()["primaryKey"]
    assert shown(revocable, "key-2")["value"] == plain
    assert plain not in str(answer) + repr(shared.read(place)) + caplog.text


@pytest.mark.parametrize(
    ("fault", "kind", "effect"),
    [
        ({"kind": "status", "status": 503}, AzureUnavailable, "unknown"),
        ({"kind": "effectThenReset"}, AzureUnavailable, "unknown"),
        ({"kind": "reset"}, AzureUnavailable, "unknown"),
        ({"kind": "status", "status": 403, "code": "Forbidden"}, AzureRefused, "none"),
    ],
)
def test_a_write_is_sent_once_and_says_no_secret(
    revocable: DemoAzure, fault: dict[str, object], kind: type[SasServiceError], effect: str
) -> None:
    tokens, place = AzureTokenSecrets(vaults_of(revocable)), VaultSecret(address(revocable), "token-3")
    tokens.read(place)
    before = revocable.counted("setSecret")
    revocable.emulator.control("POST", "faults", {"operation": "setSecret", "times": 0, **fault})
    with pytest.raises(kind) as failed:
        tokens.put(place, SECRET, expiry=EXPIRY, tags={})
    revocable.emulator.control("DELETE", "faults")
    assert failed.value.extra["effect"] == effect
    assert revocable.counted("setSecret") <= before + 1
    assert SECRET.reveal() not in all_text_of(failed.value)


def test_a_vault_that_does_not_know_us_refuses_and_is_not_empty(revocable: DemoAzure) -> None:
    tokens, place = (
        AzureTokenSecrets(vaults_of(revocable, "service-issuer")),
        VaultSecret(address(revocable), "token-4"),
    )
    with pytest.raises(AzureRefused):
        tokens.read(place)
    with pytest.raises(AzureRefused):
        tokens.read(VaultSecret(f"{revocable.emulator.url}/no-such-vault.vault", "token-4"))
