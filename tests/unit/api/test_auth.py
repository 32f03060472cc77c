"""Nothing under /v1 answers without one trusted bearer token and the role it declares."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers

from sas_service.api.catalogue import RESOURCES
from sas_service.ports import TokenQuery
from tests.unit.api.world import World, as_caller, issue

PUBLIC = {"/healthz", "/readyz", "/metrics", "/openapi.yaml", "/docs", "/problems/<slug>", "/renewal/<reason>"}


def _calls(app: Flask) -> Iterator[tuple[str, str]]:
    for rule in app.url_map.iter_rules():
        for method in (rule.methods or set()) - {"OPTIONS"}:
            yield method, rule.rule


def test_every_rule_is_public_by_name_or_refuses_strangers(app: Flask, client: FlaskClient) -> None:
    calls = list(_calls(app))
    assert len(calls) > 20
    for method, rule in calls:
        if rule in PUBLIC:
            continue
        assert rule.startswith("/v1/")
        for headers in ({}, as_caller("forged"), {"Authorization": "Basic c3RvcmVmcm9udDp4"}):
            answer = client.open(rule.replace("<", "").replace(">", ""), method=method, headers=headers)
            assert answer.status_code == 401, (method, rule)
            assert answer.headers["Cache-Control"] == "no-store"


def test_every_operation_refuses_callers_without_its_roles(client: FlaskClient) -> None:
    for operation in (each for resource in RESOURCES for each in resource.operations):
        path = operation.path.replace("{", "").replace("}", "")
        answer = client.open(path, method=operation.method, headers=as_caller("nobody"))
        if operation.roles:
            assert answer.status_code == 403, operation.path
            assert all(role.value in answer.get_json()["role"] for role in operation.roles)


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer", "Bearer ", "storefront", "Bearer store front", "Bearer storefront, Bearer storefront",
        "Bearer storefront,", "Basic storefront", "Bearer\tstorefront", "Bearer=storefront", "Bearer stöck",
        "BearerToken storefront", "Bearer storefront\x00", "Bearer " + "x" * 20_000, "DPoP storefront",
    ],
)  # fmt: skip
def test_anything_but_one_bearer_token_is_refused(client: FlaskClient, authorization: str) -> None:
    answer = client.get("/v1/profiles", headers={"Authorization": authorization})
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert "storefront" not in answer.text


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_known_in_any_case(client: FlaskClient, scheme: str) -> None:
    assert client.get("/v1/profiles", headers={"Authorization": f"{scheme} storefront"}).status_code == 200


def test_two_authorization_headers_are_refused(client: FlaskClient) -> None:
    headers = Headers([("Authorization", "Bearer storefront"), ("Authorization", "Bearer storefront")])
    assert client.get("/v1/profiles", headers=headers).status_code == 401


def test_without_a_token_the_challenge_says_where_to_get_one(client: FlaskClient) -> None:
    assert client.get("/v1/profiles").headers["WWW-Authenticate"] == (
        'Bearer realm="sas-service", authorization_uri="https://login.example/tenant",'
        ' scope="api://sas-service/.default"'
    )


def test_a_token_in_the_address_is_not_looked_at(client: FlaskClient) -> None:
    assert client.get("/v1/profiles?access_token=storefront").status_code == 401


def test_why_a_token_is_not_trusted_is_never_said(client: FlaskClient) -> None:
    answer = client.get("/v1/profiles", headers=as_caller("forged"))
    assert "signature" not in answer.text + str(answer.headers)


@pytest.mark.parametrize("given", ["build-1234", "6f1d5c1e-6f0b-4c0e-8f0a-1f6a7f0c9d11"])
def test_request_id_is_kept(client: FlaskClient, world: World, given: str) -> None:
    answer = issue(client, headers={"x-request-id": given})
    assert answer.headers["x-request-id"] == given
    assert world.audit_log.tokens(TokenQuery(["maps-demo"]), cursor=None, limit=1).items[0].request_id == given


@pytest.mark.parametrize("given", ["short", "x" * 65, "with space", "new\u00e9line", "eyJhbGciOiJub25lIn0.e30.x", ""])
def test_odd_request_ids_are_replaced(client: FlaskClient, given: str) -> None:
    answer = client.get("/healthz", headers={"x-request-id": given})
    assert len(answer.headers["x-request-id"]) == 36


def test_every_answer_has_the_security_headers(client: FlaskClient) -> None:
    for path in ("/healthz", "/v1/profiles", "/nowhere", "/docs"):
        headers = client.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "default-src 'none'" in headers["Content-Security-Policy"]


def test_the_access_log_has_no_query_no_body_and_no_token(
    client: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    issue(client, reason="a-reason")
    client.get("/v1/tokens?team=query-value", headers=as_caller("storefront"))
    client.get("/v1/nothing/path-value")
    printed = capsys.readouterr().out
    for absent in ("a-reason", "query-value", "path-value", "Bearer", "eyJ"):
        assert absent not in printed
    for present in ("/v1/tokens", "storefront-object/storefront-app", "status", "ms", "request_id"):
        assert present in printed
