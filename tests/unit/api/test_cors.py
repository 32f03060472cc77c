"""Browsers: only origins of a profile are answered, never with ``*`` and never with credentials."""

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.unit.api.world import DEPOT, SHOP, as_caller, issue

FOR_PAGES = ["/v1/tokens", "/v1/tokens/preview", "/v1/tokens/maps-demo.1/renewal", "/v1/profiles"]


def _preflight(client: FlaskClient, path: str, origin: str) -> TestResponse:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    return client.options(path, headers=asked)


@pytest.mark.parametrize("path", FOR_PAGES)
@pytest.mark.parametrize("origin", [SHOP, DEPOT])
def test_preflight_answers_every_profiles_origins(client: FlaskClient, path: str, origin: str) -> None:
    answer = _preflight(client, path, origin)
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    for header in ("authorization", "content-type", "idempotency-key", "x-request-id"):
        assert header in answer.headers["Access-Control-Allow-Headers"]
    assert answer.headers["Access-Control-Max-Age"]
    assert "Origin" in answer.headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_preflight_names_the_methods_that_pages_may_use(client: FlaskClient) -> None:
    assert _preflight(client, "/v1/tokens", SHOP).headers["Access-Control-Allow-Methods"] == "POST"
    assert _preflight(client, "/v1/profiles", SHOP).headers["Access-Control-Allow-Methods"] == "GET"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "*", SHOP + ".evil.example", SHOP.upper(), SHOP + "/"]
)
def test_other_origins_get_no_permission(client: FlaskClient, origin: str) -> None:
    assert "Access-Control-Allow-Origin" not in _preflight(client, "/v1/tokens", origin).headers
    assert "Access-Control-Allow-Origin" not in issue(client, headers={"Origin": origin}).headers


@pytest.mark.parametrize("path", ["/v1/audit/events", "/v1/suspensions", "/v1/accounts", "/healthz", "/metrics"])
def test_nothing_else_is_for_pages(client: FlaskClient, path: str) -> None:
    assert _preflight(client, path, SHOP).status_code == 405
    answer = client.get(path, headers=as_caller("auditor", Origin=SHOP))
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_actual_answers_can_be_read_by_the_page(client: FlaskClient) -> None:
    answer = issue(client, headers={"Origin": SHOP})
    assert answer.status_code == 201
    assert answer.headers["Access-Control-Allow-Origin"] == SHOP
    assert "Origin" in answer.headers["Vary"]
    exposed = answer.headers["Access-Control-Expose-Headers"]
    for header in ("Sas-Token-Id", "ETag", "Link", "Retry-After", "Idempotency-Replayed", "x-request-id"):
        assert header in exposed


def test_problems_can_be_read_by_the_page_too(client: FlaskClient) -> None:
    for answer in (
        issue(client, headers={"Origin": SHOP}, lifetime="P400D"),
        client.post("/v1/tokens", headers={"Origin": SHOP}),
    ):
        assert answer.headers["Access-Control-Allow-Origin"] == SHOP


def test_another_profiles_origin_is_refused_by_the_service(client: FlaskClient) -> None:
    answer = issue(client, headers={"Origin": DEPOT})
    assert (answer.status_code, answer.get_json()["type"]) == (403, "/problems/origin-not-allowed")


def test_answers_vary_by_origin_even_without_one(client: FlaskClient) -> None:
    assert "Origin" in issue(client).headers["Vary"]
