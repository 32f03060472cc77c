"""From a managed identity to a token that the map accepts, through the official packages and a local Azure."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from sas_service.adapters.azure.credentials import CredentialChoice, CredentialKind
from sas_service.domain.errors import AzureRefused, AzureThrottled, AzureUnavailable, IdentityUnavailable
from sas_service.domain.slots import SigningKey
from sas_service.domain.token_check import check_token
from sas_service.domain.tokens import Grant
from tests.emulator_process import RunningEmulator, start_emulator
from tests.integration.azure.conftest import STOREFRONT, TENANT, WEB_A, WEB_B, Azure, sample_world

ROUTE = "/route/directions/json?api-version=1.0&query=52.50931,13.42936:52.50274,13.43872"


def grant(**changes: object) -> Grant:
    now = datetime.now(UTC).replace(microsecond=0)
    members: dict[str, object] = {
        "account": "maps-demo",
        "profile": "p",
        "team": "t",
        "epoch": 1,
        "signing_key": SigningKey.PRIMARY,
        "identity": "a",
        "principal_id": WEB_A,
        "regions": ("eastus", "westus2"),
        "max_rate_per_second": 500,
        "start": now - timedelta(seconds=60),
        "expiry": now + timedelta(hours=1),
        "policy_digest": "d",
    }
    return Grant(**{**members, **changes})  # type: ignore[arg-type]


def asked_of_the_map(azure: Azure, token: str, location: str = "eastus") -> int:
    headers = {"Authorization": f"jwt-sas {token}", "x-emulator-location": location}
    return requests.get(azure.emulator.url + ROUTE, headers=headers, timeout=10).status_code


@pytest.mark.parametrize("key", SigningKey)
def test_a_signed_token_is_the_granted_one_and_opens_the_map(azure: Azure, key: SigningKey) -> None:
    granted = grant(signing_key=key, identity="b", principal_id=WEB_B)
    signed = azure.account().sign(granted, request_id="request-1")
    assert check_token(granted, signed.token) == []
    assert (signed.attempts, bool(signed.azure_request_id)) == (1, True)
    assert asked_of_the_map(azure, signed.token.reveal()) == 200
    assert asked_of_the_map(azure, signed.token.reveal(), "northeurope") in {401, 403}


def test_a_difference_from_the_grant_is_found(azure: Azure) -> None:
    granted = grant()
    token = azure.account().sign(granted, request_id="request-2").token
    wider = grant(
        start=granted.start,
        expiry=granted.expiry,
        principal_id=WEB_B,
        regions=("eastus",),
        max_rate_per_second=1,
    )
    assert check_token(wider, token) == ["maxRatePerSecond", "regions", "principalId"]
    assert "exp" in check_token(grant(expiry=granted.expiry + timedelta(seconds=1)), token)


def test_a_grant_for_any_region_sends_none(azure: Azure) -> None:
    granted = grant(regions=None)
    token = azure.account().sign(granted, request_id="request-3").token
    assert check_token(granted, token) == []
    assert asked_of_the_map(azure, token.reveal(), "northeurope") == 200


def test_facts_name_the_attached_identities(azure: Azure) -> None:
    facts = azure.account().facts("maps-demo", max_age=timedelta(minutes=1))
    assert facts.principals == {"a": WEB_A, "b": WEB_B}
    assert facts.client_id == "f0000000-0000-4000-8000-000000000001"
    assert (facts.location, facts.local_auth_disabled, facts.provisioning_state) == ("eastus", False, "Succeeded")


def test_a_principal_that_is_not_attached_is_refused_once(azure: Azure) -> None:
    before = azure.counted("listSas")
    with pytest.raises(AzureRefused) as refused:
        azure.account().sign(grant(principal_id="e0000000-0000-4000-8000-0000000000ff"), request_id="request-4")
    assert azure.counted("listSas") - before == 1
    assert refused.value.extra["effect"] == "none"


def test_a_client_without_the_role_is_refused(azure: Azure) -> None:
    client, secret = STOREFRONT
    choice = CredentialChoice(
        CredentialKind.CLIENT_SECRET,
        client_id=client,
        tenant_id=TENANT,
        client_secret=secret,
        authority=azure.emulator.url,
    )
    with pytest.raises(AzureRefused) as refused:
        azure.account(azure.credential(choice)).sign(grant(), request_id="request-5")
    assert refused.value.extra["code"] == "AuthorizationFailed"


def test_a_wrong_secret_is_our_own_credentials_failure(azure: Azure) -> None:
    choice = CredentialChoice(
        CredentialKind.CLIENT_SECRET,
        client_id=STOREFRONT[0],
        tenant_id=TENANT,
        client_secret="wrong",
        authority=azure.emulator.url,
    )
    with pytest.raises(IdentityUnavailable):
        azure.account(azure.credential(choice)).sign(grant(), request_id="request-6")


def test_one_bad_answer_is_overcome_and_lasting_ones_are_told(azure: Azure) -> None:
    account = azure.account(jitter=lambda: 0.0)
    fault = {"operation": "listSas", "kind": "status", "status": 503, "times": 1}
    azure.emulator.control("POST", "faults", fault)
    assert account.sign(grant(), request_id="request-7").attempts == 2
    azure.emulator.control("POST", "faults", {**fault, "times": 3})
    with pytest.raises(AzureUnavailable):
        account.sign(grant(), request_id="request-8")
    azure.emulator.control("POST", "faults", {**fault, "status": 429, "retryAfter": 60})
    with pytest.raises(AzureThrottled) as throttled:
        account.sign(grant(), request_id="request-9")
    assert throttled.value.retry_after == timedelta(seconds=60)
    assert account.sign(grant(), request_id="request-10").attempts == 1


def test_effective_roles_of_an_identity_are_listed(azure: Azure) -> None:
    (role,) = azure.roles().effective("maps-demo", WEB_A)
    assert (role.role_name, role.inherited, role.through_group) == ("Azure Maps Data Reader", False, False)
    owner = azure.roles().effective("maps-demo", "a0000000-0000-4000-8000-0000000000a3")
    assert [(one.role_name, one.inherited) for one in owner] == [("Owner", True)]


def test_client_secret_over_tls_with_a_private_authority(
    tmp_path: Path, azure_at: Callable[[RunningEmulator], Azure]
) -> None:
    running = start_emulator(tmp_path, sample_world(), tls=True)
    try:
        azure = azure_at(running)
        granted = grant()
        signed = azure.account(azure.owner()).sign(granted, request_id="request-11")
        assert check_token(granted, signed.token) == []
    finally:
        running.stop()


def test_azure_going_away_and_coming_back(tmp_path: Path, azure_at: Callable[[RunningEmulator], Azure]) -> None:
    running = start_emulator(tmp_path, sample_world())
    account = azure_at(running).account(jitter=lambda: 0.0)
    assert account.sign(grant(), request_id="request-12").attempts == 1
    running.stop()
    with pytest.raises(AzureUnavailable) as away:
        account.sign(grant(), request_id="request-13")
    assert away.value.extra["attempts"] == "3"
    again = start_emulator(tmp_path, None, port=int(running.url.rpartition(":")[2]))
    try:
        assert account.sign(grant(), request_id="request-14").attempts <= 2
    finally:
        again.stop()
