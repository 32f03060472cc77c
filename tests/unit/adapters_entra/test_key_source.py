"""What is accepted as the tenant's metadata and key set, and what a hostile or broken server cannot do."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import requests

from sas_service.adapters.entra.key_source import DownloadLimits, EntraKeySource
from sas_service.adapters.entra.signing_keys import KeysUnavailable
from sas_service.adapters.entra.verification_key import read_keys
from tests.unit.adapters_azure.loopback_server import Asked, LoopbackServer, Reply, json_reply, unused_port
from tests.unit.adapters_entra.mint import OTHER_TENANT, TENANT, Keys, rsa_jwk

Answer = Callable[[str, Asked], Reply]


IMPATIENT = DownloadLimits(connect=1, read=0.5, total=0.6)


@contextmanager
def source(answer: Answer, limits: DownloadLimits | None = None) -> Iterator[tuple[EntraKeySource, LoopbackServer]]:
    server = LoopbackServer(lambda asked: answer(server.url, asked))
    with server, requests.Session() as session:
        yield (
            EntraKeySource(
                session=lambda: session,
                authority=server.url + "/",
                tenant_id=TENANT,
                limits=limits,
            ),
            server,
        )


def metadata(url: str, jwks_uri: str | None = None) -> Reply:
    return json_reply({"issuer": f"{url}/{TENANT}/v2.0", "jwks_uri": jwks_uri or f"{url}/keys"})


def test_only_fit_keys_are_read(keys: Keys) -> None:
    assert set(read_keys(keys.jwks, TENANT)) == {"good"}


def test_the_key_set_is_found_through_the_metadata(keys: Keys) -> None:
    def answer(url: str, asked: Asked) -> Reply:
        return metadata(url) if "openid" in asked.path else json_reply(keys.jwks)

    with source(answer) as (tenant, server):
        assert set(tenant.download()) == {"good"}
        assert server.paths() == [f"/{TENANT}/v2.0/.well-known/openid-configuration", "/keys"]


@pytest.mark.parametrize(
    "jwks_uri",
    [
        "https://forger.example/keys",
        "http://127.0.0.1:1/keys",
        "https://127.0.0.1/keys",
        "file:///etc/passwd",
        "//forger.example/keys",
        "/keys",
        "http://127.0.0.1:99999/keys",
        "http://[::1/keys",
        "",
    ],
)
def test_a_foreign_key_set_is_not_even_asked_for(jwks_uri: str) -> None:
    with source(lambda url, _asked: json_reply({"issuer": f"{url}/{TENANT}/v2.0", "jwks_uri": jwks_uri})) as (
        tenant,
        server,
    ):
        with pytest.raises(KeysUnavailable, match="foreign"):
            tenant.download()
        assert len(server.asked) == 1


def test_a_jwks_uri_with_a_user_is_foreign() -> None:
    with (
        source(lambda url, _asked: metadata(url, url.replace("//", "//user@") + "/keys")) as (tenant, server),
        pytest.raises(KeysUnavailable, match="foreign"),
    ):
        tenant.download()
    assert len(server.asked) == 1


BROKEN: dict[str, Reply] = {
    "redirect": Reply(302, headers={"Location": "/elsewhere"}),
    "not found": Reply(404),
    "failure": Reply(500, b"oops"),
    "html": Reply(200, b"<html>", {"Content-Type": "text/html"}),
    "empty": Reply(200, b""),
    "a list": Reply(200, b"[]"),
    "half": Reply(200, b'{"issuer": "x", "jwks_uri": "y"}', fault="half"),
    "closed": Reply(200, b"{}", fault="close"),
    "reset": Reply(200, b"{}", fault="reset"),
    "silent": Reply(200, b"{}", delay=6.0),
    "dripping": Reply(200, b"{" + b" " * 200 + b"}", fault="drip"),
    "endless": Reply(200, b" " * (600 * 1024)),
    "nested": Reply(200, b"[" * 200_000),
    "compressed": Reply(200, b"\x1f\x8b", {"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_metadata_is_one_failure_and_quick(kind: str) -> None:
    limits = IMPATIENT if kind in {"silent", "dripping"} else None
    with source(lambda _url, _asked: BROKEN[kind], limits) as (tenant, server):
        begun = time.monotonic()
        with pytest.raises(KeysUnavailable):
            tenant.download()
        assert time.monotonic() - begun < 5
        assert len(server.asked) == 1


def test_another_tenants_metadata_is_refused(keys: Keys) -> None:
    def answer(url: str, asked: Asked) -> Reply:
        if "openid" in asked.path:
            return json_reply({"issuer": f"{url}/{OTHER_TENANT}/v2.0", "jwks_uri": f"{url}/keys"})
        return json_reply(keys.jwks)

    with source(answer) as (tenant, server):
        with pytest.raises(KeysUnavailable, match="another issuer"):
            tenant.download()
        assert server.paths("/keys") == []


def test_an_unreachable_authority_is_the_same_failure() -> None:
    with requests.Session() as session:
        tenant = EntraKeySource(
            session=lambda: session, authority=f"http://127.0.0.1:{unused_port()}", tenant_id=TENANT
        )
        with pytest.raises(KeysUnavailable, match="ConnectionError"):
            tenant.download()


@pytest.mark.parametrize(
    "authority",
    [
        "http://login.microsoftonline.com",
        "http://127.0.0.1.forger.example",
        "ftp://127.0.0.1",
        "login.microsoftonline.com",
        "https://user@login.microsoftonline.com",
        "https://login.microsoftonline.com?x",
        "",
    ],
)
def test_authorities_are_https_or_this_machine(authority: str) -> None:
    with pytest.raises(ValueError, match="authority"):
        EntraKeySource(session=requests.Session, authority=authority, tenant_id=TENANT)


def test_a_key_may_name_our_tenant_or_any(keys: Keys) -> None:
    jwks = {
        "keys": [
            rsa_jwk(keys.good, "ours", issuer=f"https://login.microsoftonline.com/{TENANT}/v2.0"),
            rsa_jwk(keys.good, "any", issuer="https://login.microsoftonline.com/{tenantid}/v2.0"),
            rsa_jwk(keys.good, "theirs", issuer=f"https://login.microsoftonline.com/{OTHER_TENANT}/v2.0"),
            rsa_jwk(keys.good, "odd", issuer=7),
        ]
    }
    assert set(read_keys(jwks, TENANT)) == {"ours", "any"}
