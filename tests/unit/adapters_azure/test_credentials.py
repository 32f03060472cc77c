"""The five kinds of login, spoken to a stub of Entra and of the identity endpoint with the real azure-identity."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from sas_service.adapters.azure.credentials import REQUIRED, CredentialChoice, CredentialKind, build_credential
from sas_service.adapters.azure.loopback import PlainLoopbackAdapter
from sas_service.adapters.azure.prefetched_credential import PrefetchedCredential
from sas_service.adapters.azure.transport import Outbound
from sas_service.domain.errors import IdentityUnavailable
from tests.unit.adapters_azure.azure_world import BEARER, SECRETS, all_text_of
from tests.unit.adapters_azure.crowd import in_threads
from tests.unit.adapters_azure.loopback_server import Asked, LoopbackServer, Reply, json_reply

TENANT = "72f988bf-0000-4000-8000-000000000001"
CLIENT = "e0000000-0000-4000-8000-000000000001"
CLIENT_SECRET = "the-client-secret-that-nobody-may-see"


class StubEntra:
    """Entra's token endpoint and App Service's identity endpoint; ``broken`` replaces the token answer."""

    def __init__(self) -> None:
        self.broken: Reply | None = None
        self.delay = 0.0
        self.server = LoopbackServer(self._answer)

    def _answer(self, asked: Asked) -> Reply:
        base = f"{self.server.url}/{TENANT}"
        if "openid-configuration" in asked.path:
            return json_reply(
                {
                    "issuer": f"{base}/v2.0",
                    "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                    "token_endpoint": f"{base}/oauth2/v2.0/token",
                    "jwks_uri": f"{base}/keys",
                }
            )
        if self.broken:
            return self.broken
        time.sleep(self.delay)
        expiry = int(time.time()) + 86_400
        return json_reply(
            {"access_token": BEARER, "token_type": "Bearer", "expires_in": 86_400, "expires_on": str(expiry)}
        )

    def token_requests(self) -> list[Asked]:
        return [one for one in self.server.asked if "openid" not in one.path]


@pytest.fixture
def entra() -> Iterator[StubEntra]:
    entra = StubEntra()
    with entra.server:
        yield entra


@pytest.fixture
def outbound() -> Iterator[Outbound]:
    outbound = Outbound(connect_timeout=2, read_timeout=2)
    yield outbound
    outbound.close()


@pytest.fixture
def app_service(entra: StubEntra, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{entra.server.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "the-identity-header")


def login(choice: CredentialChoice, outbound: Outbound) -> PrefetchedCredential:
    return PrefetchedCredential(lambda: build_credential(choice, outbound))


@pytest.mark.usefixtures("app_service")
def test_managed_identity_names_its_client_and_32_threads_ask_once(entra: StubEntra, outbound: Outbound) -> None:
    entra.delay = 0.2
    credential = login(CredentialChoice(CredentialKind.MANAGED_IDENTITY, client_id=CLIENT), outbound)
    assert in_threads(32, credential.bearer) == [BEARER] * 32
    (asked,) = entra.token_requests()
    query = parse_qs(urlsplit(asked.path).query)
    assert query["client_id"] == [CLIENT]
    assert query["resource"] == ["https://management.azure.com"]
    assert asked.headers["X-IDENTITY-HEADER"] == "the-identity-header"


def test_client_secret_speaks_plain_http_to_a_local_emulator(entra: StubEntra, outbound: Outbound) -> None:
    choice = CredentialChoice(
        CredentialKind.CLIENT_SECRET,
        client_id=CLIENT,
        tenant_id=TENANT,
        client_secret=CLIENT_SECRET,
        authority=entra.server.url,
    )
    assert login(choice, outbound).bearer() == BEARER
    (asked,) = entra.token_requests()
    form = parse_qs(asked.body.decode())
    assert (form["client_id"], form["client_secret"]) == ([CLIENT], [CLIENT_SECRET])
    assert form["scope"] == ["https://management.azure.com/.default"]


def test_workload_identity_sends_the_file_it_was_given(entra: StubEntra, outbound: Outbound, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("federated")
    choice = CredentialChoice(
        CredentialKind.WORKLOAD_IDENTITY,
        client_id=CLIENT,
        tenant_id=TENANT,
        token_file=str(tmp_path / "token"),
        authority=entra.server.url,
    )
    assert login(choice, outbound).bearer() == BEARER
    assert parse_qs(entra.token_requests()[0].body.decode())["client_assertion"] == ["federated"]


def test_client_certificate_signs_an_assertion(entra: StubEntra, outbound: Outbound, client_certificate: Path) -> None:
    choice = CredentialChoice(
        CredentialKind.CLIENT_CERTIFICATE,
        client_id=CLIENT,
        tenant_id=TENANT,
        certificate_path=str(client_certificate),
        authority=entra.server.url,
    )
    assert login(choice, outbound).bearer() == BEARER
    (assertion,) = parse_qs(entra.token_requests()[0].body.decode())["client_assertion"]
    claims = jwt.decode(assertion, options={"verify_signature": False})
    assert (claims["iss"], claims["sub"]) == (CLIENT, CLIENT)


def test_developer_login_without_any_tool_is_unavailable(
    outbound: Outbound, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(IdentityUnavailable):
        login(CredentialChoice(CredentialKind.DEVELOPER), outbound).bearer()


BROKEN = {
    "refused": json_reply({"error": "invalid_client", "error_description": f"Azure's own words {BEARER}"}, 401),
    "throttled": json_reply({"error": "x", "error_description": "Azure's own words"}, 429, Retry_After="60"),
    "failed": Reply(500, f"Azure's own words {BEARER}".encode(), {"Content-Type": "text/plain"}),
    "half JSON": Reply(200, b'{"access_token": "' + BEARER.encode(), {"Content-Type": "application/json"}),
    "no token": json_reply({"other": BEARER}),
    "a list": json_reply([BEARER]),
    "closed": Reply(fault="close"),
    "reset": Reply(fault="reset"),
    "silent": Reply(delay=4),
    "HTML": Reply(200, f"<html>{BEARER}".encode(), {"Content-Type": "text/html"}),
}


@pytest.mark.usefixtures("app_service")
@pytest.mark.parametrize("kind", [CredentialKind.MANAGED_IDENTITY, CredentialKind.CLIENT_SECRET])
@pytest.mark.parametrize("fault", BROKEN)
def test_every_failure_is_quick_ours_and_quotes_nothing(
    kind: CredentialKind,
    fault: str,
    entra: StubEntra,
    outbound: Outbound,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    entra.broken = BROKEN[fault]
    choice = CredentialChoice(
        kind, client_id=CLIENT, tenant_id=TENANT, client_secret=CLIENT_SECRET, authority=entra.server.url
    )
    begun = time.monotonic()
    with caplog.at_level(logging.DEBUG), pytest.raises(IdentityUnavailable) as failure:
        login(choice, outbound).bearer()
    assert time.monotonic() - begun < 10
    assert failure.value.__context__ is None
    output = capfd.readouterr()
    everywhere = "\n".join([all_text_of(failure.value), caplog.text, output.out, output.err])
    assert not [secret for secret in (*SECRETS, CLIENT_SECRET, "the-identity-header") if secret in everywhere]


@pytest.mark.parametrize("kind", CredentialKind)
def test_what_is_missing_is_named(kind: CredentialKind, outbound: Outbound) -> None:
    choice = CredentialChoice(kind)
    assert choice.missing() == REQUIRED[kind]
    if REQUIRED[kind]:
        with pytest.raises(ValueError, match=", ".join(REQUIRED[kind])):
            build_credential(choice, outbound)


def test_a_choice_hides_its_secrets() -> None:
    choice = CredentialChoice(
        CredentialKind.CLIENT_SECRET, client_id=CLIENT, client_secret=CLIENT_SECRET, certificate_password="pw-secret"
    )
    assert CLIENT_SECRET not in f"{choice!r} {choice}"
    assert "pw-secret" not in f"{choice!r} {choice}"


@pytest.mark.parametrize("authority", ["http://login.microsoftonline.com", "http://127.0.0.1.example", "login", ""])
def test_a_secret_never_goes_to_a_network_in_the_clear(authority: str, outbound: Outbound) -> None:
    choice = CredentialChoice(
        CredentialKind.CLIENT_SECRET,
        client_id=CLIENT,
        tenant_id=TENANT,
        client_secret=CLIENT_SECRET,
        authority=authority,
    )
    with pytest.raises(ValueError, match="http"):
        build_credential(choice, outbound)


@pytest.mark.parametrize("authority", ["https://127.0.0.1", "http://10.0.0.1", "http://user@127.0.0.1"])
def test_the_loopback_adapter_is_for_plain_loopback_only(authority: str) -> None:
    with pytest.raises(ValueError, match="http"):
        PlainLoopbackAdapter(authority)
