import json
import re
from pathlib import Path
from typing import Any

import jwt
import msal
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import (
    AuthorizationCodeCredential,
    CertificateCredential,
    CredentialUnavailableError,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.contract.emulator import worlds
from tests.contract.emulator.clients import Clients, claims
from tests.emulator_process import RunningEmulator

ARM = "https://management.azure.com/.default"
API = "api://sas-service/.default"


def verified(clients: Clients, token: str, audience: str) -> dict[str, Any]:
    """Verify a token as any resource server would: by the published metadata."""
    where = "v2.0/" if claims(token)["ver"] == "2.0" else ""
    metadata = clients.get(f"/{worlds.TENANT}/{where}.well-known/openid-configuration").json()
    keys = jwt.PyJWKSet.from_dict(clients.get(metadata["jwks_uri"].removeprefix(clients.url)).json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    decoded: dict[str, Any] = jwt.decode(
        token, key, algorithms=["RS256"], audience=audience, issuer=metadata["issuer"], leeway=5
    )
    return decoded


def test_a_secret_buys_a_v2_token_with_app_roles(clients: Clients) -> None:
    token = clients.credential(worlds.BACKEND).get_token(API).token
    found = verified(clients, token, worlds.API)
    assert found["roles"] == ["Tokens.Issue"]
    assert found["iss"] == f"{clients.url}/{worlds.TENANT}/v2.0"
    assert (found["ver"], found["idtyp"], found["azp"], found["tid"]) == ("2.0", "app", worlds.BACKEND, worlds.TENANT)
    assert found["oid"] == found["sub"] == worlds.principal(2)
    assert {"iat", "nbf", "exp", "uti"} <= set(found)


def test_a_token_for_an_application_that_asked_for_v1_is_v1(clients: Clients) -> None:
    token = clients.credential(worlds.OWNER).get_token("api://backend/.default").token
    found = verified(clients, token, "api://backend")
    assert (found["ver"], found["appid"]) == ("1.0", worlds.OWNER)
    assert found["iss"] == f"https://sts.windows.net/{worlds.TENANT}/"
    assert jwt.get_unverified_header(token)["x5t"] == jwt.get_unverified_header(token)["kid"]


@pytest.mark.parametrize(
    ("client_id", "secret", "scope", "code"),
    [
        (worlds.BACKEND, "wrong", ARM, "AADSTS7000215"),
        ("00000000-0000-4000-8000-00000000dead", "any", ARM, "AADSTS700016"),
        (worlds.BACKEND, "backend-secret", "api://nothing/.default", "AADSTS500011"),
        (worlds.BACKEND, "backend-secret", "api://sas-service/access_as_user", "AADSTS1002012"),
    ],
)
def test_refusals_carry_their_aadsts_code(clients: Clients, client_id: str, secret: str, scope: str, code: str) -> None:
    with pytest.raises(ClientAuthenticationError, match=code):
        clients.credential(client_id, secret).get_token(scope)


def test_an_unknown_tenant_is_refused(clients: Clients) -> None:
    answer = clients.get("/00000000-0000-4000-8000-00000000dead/oauth2/v2.0/token", method="POST", data={})
    assert answer.status_code == 400
    assert answer.json()["error_codes"] == [90002]


def test_a_certificate_signs_in(clients: Clients, certificate_file: Path) -> None:
    credential = clients.keep(
        CertificateCredential(
            worlds.TENANT,
            worlds.BACKEND,
            str(certificate_file),
            authority=clients.url,
            disable_instance_discovery=True,
            **clients.trust,
        )
    )
    assert claims(credential.get_token(API).token)["azpacr"] == "2"


def test_a_foreign_certificate_does_not(clients: Clients, certificate_file: Path) -> None:
    credential = clients.keep(
        CertificateCredential(
            worlds.TENANT,
            worlds.OWNER,
            str(certificate_file),
            authority=clients.url,
            disable_instance_discovery=True,
            **clients.trust,
        )
    )
    with pytest.raises(ClientAuthenticationError, match="AADSTS700027"):
        credential.get_token(API)


@pytest.mark.parametrize(("subject", "accepted"), [("repo:maps:main", True), ("repo:maps:fork", False)])
def test_workload_identity(
    clients: Clients, client_key: rsa.RSAPrivateKey, tmp_path: Path, *, subject: str, accepted: bool
) -> None:
    now = int(clients.now())
    body = {
        "iss": "https://ci.example",
        "sub": subject,
        "aud": "api://AzureADTokenExchange",
        "nbf": now,
        "exp": now + 60,
    }
    token_file = tmp_path / "token"
    token_file.write_text(jwt.encode(body, client_key, "RS256"))
    credential = clients.keep(
        WorkloadIdentityCredential(
            tenant_id=worlds.TENANT,
            client_id=worlds.CI,
            token_file_path=str(token_file),
            authority=clients.url,
            disable_instance_discovery=True,
            **clients.trust,
        )
    )
    if accepted:
        assert claims(credential.get_token(API).token)["azp"] == worlds.CI
    else:
        with pytest.raises(ClientAuthenticationError, match="AADSTS700213"):
            credential.get_token(API)


@pytest.fixture
def app_service(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> Clients:
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{clients.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "crowd-header")
    return clients


@pytest.mark.parametrize(
    "selector",
    [
        {"client_id": worlds.ISSUER},
        {"identity_config": {"object_id": worlds.principal(11)}},
        {"identity_config": {"resource_id": worlds.identity_id("issuer")}},
    ],
)
def test_app_service_gives_the_chosen_identity(app_service: Clients, selector: dict[str, Any]) -> None:
    credential = app_service.keep(ManagedIdentityCredential(**selector, **app_service.trust))
    found = verified(app_service, credential.get_token(ARM).token, "https://management.azure.com")
    assert (found["oid"], found["appid"]) == (worlds.principal(11), worlds.ISSUER)
    assert found["exp"] - found["iat"] == 86400


def test_app_service_roles_are_in_the_token(app_service: Clients) -> None:
    credential = app_service.keep(ManagedIdentityCredential(client_id=worlds.ISSUER, **app_service.trust))
    assert claims(credential.get_token(API).token)["roles"] == ["Audit.Read"]


def test_app_service_refuses_an_identity_of_another_machine(app_service: Clients) -> None:
    credential = app_service.keep(ManagedIdentityCredential(client_id=worlds.WEB_B, **app_service.trust))
    with pytest.raises(ClientAuthenticationError, match="No User Assigned or Delegated Managed Identity found"):
        credential.get_token(ARM)


def test_app_service_refuses_a_wrong_header(app_service: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_HEADER", "guessed")
    credential = app_service.keep(ManagedIdentityCredential(client_id=worlds.ISSUER, **app_service.trust))
    with pytest.raises((ClientAuthenticationError, CredentialUnavailableError)):
        credential.get_token(ARM)


@pytest.fixture
def imds(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> Clients:
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", f"{clients.url}/machines/crowd")
    return clients


def test_imds_gives_the_chosen_identity(imds: Clients) -> None:
    credential = imds.keep(ManagedIdentityCredential(client_id=worlds.WEB_A, **imds.trust))
    assert claims(credential.get_token(ARM).token)["oid"] == worlds.WEB_A_PRINCIPAL


def test_imds_wants_a_choice_among_several(imds: Clients) -> None:
    path = "/machines/crowd/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://management.azure.com"
    answer = imds.get(path, headers={"Metadata": "true"})
    assert answer.status_code == 400
    assert "Multiple user assigned identities exist" in answer.json()["error_description"]
    assert imds.get(path).json()["error"] == "bad_request_102"


def test_imds_without_identities_makes_the_credential_unavailable(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", f"{clients.url}/machines/bare")
    credential = clients.keep(ManagedIdentityCredential(**clients.trust))
    with pytest.raises((CredentialUnavailableError, ClientAuthenticationError)):
        credential.get_token(ARM)


def sign_in(clients: Clients, address: str, password: str = "alex-password") -> requests.Response:  # noqa: S107 - made up
    """Do what a person does in the browser."""
    path = address.removeprefix(clients.url)
    assert "Sign in" in clients.get(path).text
    form = {"username": "alex@example.org", "password": password}
    return clients.get(path, method="POST", data=form, allow_redirects=False)


def console(clients: Clients) -> Any:
    session = clients.keep(requests.Session())
    # Otherwise the environment's own certificates would win.
    session.trust_env, session.verify = False, clients.trust["connection_verify"]
    return msal.PublicClientApplication(
        worlds.CONSOLE,
        authority=f"{clients.url}/{worlds.TENANT}",
        http_client=session,
        instance_discovery=False,
    )


def start(application: Any) -> Any:
    scopes = ["api://sas-service/access_as_user"]
    return application.initiate_auth_code_flow(
        scopes, redirect_uri="http://127.0.0.1:9/signed-in", response_mode="form_post"
    )


def test_a_person_signs_in_with_pkce(clients: Clients) -> None:
    application = console(clients)
    flow = start(application)
    page = sign_in(clients, flow["auth_uri"]).text
    assert 'action="http://127.0.0.1:9/signed-in"' in page
    posted = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page))
    result = application.acquire_token_by_auth_code_flow(flow, posted)
    found = verified(clients, result["access_token"], worlds.API)
    assert (found["scp"], found["roles"]) == ("access_as_user", ["Audit.Read"])
    assert found["groups"] == sorted([worlds.GROUP_OF_READERS, worlds.GROUP_OF_GROUPS])
    assert (found["name"], found["preferred_username"]) == ("Alex", "alex@example.org")
    assert result["id_token_claims"]["oid"] == worlds.USER
    again = application.acquire_token_silent(
        ["api://sas-service/access_as_user"], application.get_accounts()[0], force_refresh=True
    )
    assert claims(again["access_token"])["oid"] == worlds.USER


def test_a_wrong_password_shows_the_page_again(clients: Clients) -> None:
    flow = start(console(clients))
    answer = sign_in(clients, flow["auth_uri"], "guess")
    assert answer.status_code == 401
    assert "AADSTS50126" in answer.text


def test_a_foreign_redirect_address_gets_no_code(clients: Clients) -> None:
    query = f"client_id={worlds.CONSOLE}&response_type=code&scope=openid&redirect_uri=https://thief.example/"
    answer = clients.get(f"/{worlds.TENANT}/oauth2/v2.0/authorize?{query}", allow_redirects=False)
    assert (answer.status_code, answer.json()["error_codes"]) == (400, [50011])


def test_a_code_is_redeemed_once(clients: Clients) -> None:
    target = "https://backend.example/signed-in"
    query = f"client_id={worlds.BACKEND}&response_type=code&scope=openid%20api://sas-service/access_as_user&redirect_uri={target}"
    back = sign_in(clients, f"{clients.url}/{worlds.TENANT}/oauth2/v2.0/authorize?{query}")
    code = back.headers["Location"].partition("code=")[2].partition("&")[0]

    def redeem() -> Any:
        credential = clients.keep(
            AuthorizationCodeCredential(
                worlds.TENANT,
                worlds.BACKEND,
                code,
                target,
                client_secret="backend-secret",
                authority=clients.url,
                disable_instance_discovery=True,
                **clients.trust,
            )
        )
        return credential.get_token("api://sas-service/access_as_user")

    assert claims(redeem().token)["oid"] == worlds.USER
    with pytest.raises(ClientAuthenticationError, match="AADSTS54005"):
        redeem()


def test_rollover_keeps_old_tokens_valid_until_the_old_key_is_forgotten(
    clients: Clients, emulator: RunningEmulator
) -> None:
    token = clients.credential(worlds.BACKEND).get_token(API).token
    new_key = emulator.control("POST", "entra/rollover")["kid"]
    assert verified(clients, token, worlds.API)
    fresh = clients.credential(worlds.BACKEND).get_token(API).token
    assert jwt.get_unverified_header(fresh)["kid"] == new_key
    emulator.control("POST", "entra/rollover", {"forget": True})
    with pytest.raises(KeyError):
        verified(clients, token, worlds.API)


def test_arm_refuses_tokens_of_a_forgotten_key(clients: Clients, emulator: RunningEmulator) -> None:
    bearer = {"Authorization": f"Bearer {clients.credential().get_token(ARM).token}"}
    path = f"{worlds.ACCOUNT_ID}?api-version={worlds.VERSION}"
    assert clients.get(path, headers=bearer).status_code == 200
    emulator.control("POST", "entra/rollover")
    assert clients.get(path, headers=bearer).status_code == 200
    emulator.control("POST", "entra/rollover", {"forget": True})
    refused = clients.get(path, headers=bearer)
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")


def test_instance_discovery_answers_msal(clients: Clients) -> None:
    answer = clients.get(
        "/common/discovery/instance?api-version=1.1"
        f"&authorization_endpoint={clients.url}/{worlds.TENANT}/oauth2/v2.0/authorize"
    )
    assert answer.json()["tenant_discovery_endpoint"].endswith(
        f"/{worlds.TENANT}/v2.0/.well-known/openid-configuration"
    )


def test_v1_endpoint(clients: Clients) -> None:
    form = {
        "grant_type": "client_credentials",
        "client_id": worlds.OWNER,
        "client_secret": "owner-secret",
        "resource": "https://management.azure.com/",
    }
    answer = clients.get(f"/{worlds.TENANT}/oauth2/token", method="POST", data=form).json()
    assert answer["expires_in"] == "3599"
    assert claims(answer["access_token"])["aud"] == "https://management.azure.com/"


def test_nothing_secret_is_in_the_request_log(clients: Clients, emulator: RunningEmulator) -> None:
    token = clients.credential(worlds.BACKEND).get_token(API).token
    log = json.dumps(emulator.control("GET", "requests?limit=1000"))
    assert "backend-secret" not in log
    assert token not in log
