"""Callers' tokens of the local Entra, v1 and v2, are believed; other tokens of the same Entra are not."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from sas_service.adapters.entra import EntraCallerTokens, tenant_caller_tokens
from sas_service.domain.callers import Role
from sas_service.domain.errors import IdentityUnavailable, Unauthenticated
from tests.emulator_process import RunningEmulator, start_emulator
from tests.integration.azure.conftest import OWNER, STOREFRONT, TENANT, Azure, sample_world

API = ["a0000000-0000-4000-8000-000000000001", "api://sas-service"]
CONSOLE = "a0000000-0000-4000-8000-000000000004"
ALEX = "b0000000-0000-4000-8000-000000000001"


def tokens_of(azure: Azure, audiences: list[str] | None = None) -> EntraCallerTokens:
    return tenant_caller_tokens(
        session=azure.outbound.session,
        tenant_id=TENANT,
        audiences=audiences or API,
        authority=azure.emulator.url,
    )


def user_tokens(azure: Azure, scope: str) -> dict[str, str]:
    answer = requests.post(
        f"{azure.emulator.url}/{TENANT}/oauth2/v2.0/token",
        data={
            "grant_type": "password",
            "client_id": CONSOLE,
            "username": "alex@contoso.example",
            "password": "alex-password",
            "scope": scope,
        },
        timeout=10,
    )
    assert answer.ok, answer.text
    tokens: dict[str, str] = answer.json()
    return tokens


@pytest.fixture(params=[1, 2])
def versioned(
    request: pytest.FixtureRequest, tmp_path: Path, azure_at: Callable[[RunningEmulator], Azure]
) -> Iterator[Azure]:
    world = sample_world()
    world["tenants"][0]["applications"][0]["requestedAccessTokenVersion"] = request.param
    running = start_emulator(tmp_path, world)
    yield azure_at(running)
    running.stop()


def test_applications_and_users_are_known_in_both_versions(versioned: Azure) -> None:
    tokens, now = tokens_of(versioned), datetime.now(UTC)
    application = tokens.verify(versioned.bearer(), now)
    assert (application.kind, application.application_id) == ("application", STOREFRONT[0])
    assert application.roles == {Role.TOKENS_ISSUE}
    user = tokens.verify(user_tokens(versioned, "api://sas-service/access_as_user")["access_token"], now)
    assert (user.kind, user.object_id, user.application_id) == ("user", ALEX, CONSOLE)


def test_other_tokens_of_the_same_entra_are_refused(azure: Azure) -> None:
    tokens, now = tokens_of(azure), datetime.now(UTC)
    both = user_tokens(azure, "openid api://sas-service/access_as_user")
    for_another_audience = azure.bearer(OWNER, scope="https://management.azure.com/.default")
    for bearer in (for_another_audience, both["id_token"], both["access_token"][:-10]):
        with pytest.raises(Unauthenticated):
            tokens.verify(bearer, now)
    with pytest.raises(Unauthenticated) as refused:
        # Even where the client's own id is an audience, its ID token is no access token.
        tokens_of(azure, [CONSOLE]).verify(both["id_token"], now)
    assert refused.value.extra["reason"] == "notAnAccessToken"


def test_a_token_expires(azure: Azure) -> None:
    tokens, bearer = tokens_of(azure), azure.bearer()
    tokens.verify(bearer, datetime.now(UTC))
    with pytest.raises(Unauthenticated) as refused:
        tokens.verify(bearer, datetime.now(UTC) + timedelta(hours=3))
    assert refused.value.extra["reason"] == "expired"


def test_keys_serve_on_while_entra_is_down(tmp_path: Path, azure_at: Callable[[RunningEmulator], Azure]) -> None:
    running = start_emulator(tmp_path, sample_world())
    azure = azure_at(running)
    known, fresh = tokens_of(azure), tokens_of(azure)
    first, second = azure.bearer(), azure.bearer()
    known.verify(first, datetime.now(UTC))
    running.stop()
    assert known.verify(second, datetime.now(UTC)).application_id == STOREFRONT[0]
    with pytest.raises(IdentityUnavailable):
        fresh.verify(second, datetime.now(UTC))
