"""Profiles, accounts, suspensions, audit events and the service's own pages."""

import json
from datetime import timedelta

import pytest
import yaml
from flask.testing import FlaskClient

from sas_service.domain.errors import AuditLogUnavailable
from sas_service.services.inspect import FACTS_MAX_AGE
from tests.unit.api.world import SECRET, World, as_caller, issue


def test_profiles_are_the_callers_own(client: FlaskClient) -> None:
    page = client.get("/v1/profiles", headers=as_caller("storefront")).get_json()
    assert [each["name"] for each in page["items"]] == ["storefront-web"]
    assert page["items"][0]["lifetime"] == {"min": "PT10M", "max": "PT2H", "default": "PT1H"}
    assert page["next"] is None


def test_slots_and_local_auth_are_for_administrators(client: FlaskClient) -> None:
    seen = client.get("/v1/accounts/maps-demo", headers=as_caller("nobody")).get_json()
    assert (seen["clientId"], seen["hosts"]) == ("client-id", ["atlas.microsoft.com"])
    assert (seen["slots"], seen["localAuthDisabled"]) == (None, None)
    (shown,) = client.get("/v1/accounts", headers=as_caller("admin")).get_json()["items"]
    identities = {"storefront-web": "blue", "logistics-batch": "blue"}
    assert shown["slots"] == {"epoch": 1, "signingKey": "primaryKey", "identities": identities}
    assert shown["localAuthDisabled"] is False


@pytest.mark.parametrize(
    ("who", "path", "age"),
    [
        ("admin", "/v1/accounts/maps-demo", timedelta(0)),
        ("nobody", "/v1/accounts/maps-demo", FACTS_MAX_AGE),
        ("auditor", "/v1/accounts/maps-demo", FACTS_MAX_AGE),
        ("admin", "/v1/accounts", FACTS_MAX_AGE),
        ("auditor", "/v1/tokens", FACTS_MAX_AGE),
    ],
)
def test_azure_is_asked_now_for_an_administrator_who_looks_at_one_account(
    client: FlaskClient, world: World, who: str, path: str, age: timedelta
) -> None:
    issue(client)
    world.maps_account.ages.clear()
    assert client.get(path, headers=as_caller(who)).status_code == 200
    assert world.maps_account.ages == [age]


def test_unknown_account_is_not_found(client: FlaskClient) -> None:
    assert client.get("/v1/accounts/elsewhere", headers=as_caller("admin")).status_code == 404


def test_suspending_and_lifting(client: FlaskClient) -> None:
    path, admin = "/v1/suspensions/team/storefront", as_caller("admin")
    assert client.put(path, headers=admin).status_code == 201
    again = client.put(path, json={"reason": "leak"}, headers=admin)
    assert (again.status_code, again.get_json()["reason"]) == (200, "leak")
    assert [each["id"] for each in client.get("/v1/suspensions", headers=admin).get_json()["items"]] == ["storefront"]
    lifted = client.delete(path, headers=admin)
    assert (lifted.status_code, lifted.data) == (204, b"")
    assert client.delete(path, headers=admin).status_code == 404


def test_only_teams_clients_and_profiles_can_be_suspended(client: FlaskClient) -> None:
    answer = client.put("/v1/suspensions/planet/mars", json={"colour": 1}, headers=as_caller("admin"))
    assert {each["pointer"] for each in answer.get_json()["violations"]} == {"path:kind", "/colour"}


def test_events_are_served_as_stored(client: FlaskClient, world: World) -> None:
    token = issue(client, reason="caf\u00e9").get_json()["id"]
    answer = client.get(f"/v1/audit/events?limit=1&token={token}", headers=as_caller("auditor"))
    issued = next(line for line in world.mirror.lines() if '"issued"' in line)
    assert answer.text.startswith(f'{{"items":[{issued}],"next":"/v1/audit/events?token={token}&limit=1&cursor=')
    following = client.get(answer.get_json()["next"], headers=as_caller("auditor")).get_json()
    assert [each["kind"] for each in following["items"]] == ["reserved"]
    assert json.loads(issued)["token"] == token


def test_health_says_no_more_than_alive(client: FlaskClient, world: World) -> None:
    world.readiness.failure = AuditLogUnavailable("Redis is away")
    assert client.get("/healthz?probe=1").get_json() == {"status": "ok", "version": "0.1.0"}


def test_ready_with_all_checks_and_the_policy(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.get_json() == {
        "ready": True,
        "checks": {
            "policy": {"ok": True, "digest": "d1" * 32, "source": "policy.yaml", "loadedAt": "2026-11-21T08:00:00Z"},
            "auditLog": {"ok": True, "schema": 1},
        },
    }


@pytest.mark.parametrize(
    ("failure", "type_"),
    [(AuditLogUnavailable("Redis is away"), "/problems/audit-log-unavailable"), (RuntimeError(SECRET), "about:blank")],
)
def test_not_ready_while_a_check_fails(client: FlaskClient, world: World, failure: Exception, type_: str) -> None:
    world.readiness.failure = failure
    answer = client.get("/readyz")
    assert (answer.status_code, answer.get_json()["ready"]) == (503, False)
    assert answer.get_json()["checks"]["auditLog"]["problem"] == type_
    assert SECRET not in answer.text


def test_metrics_count_requests_refusals_and_tokens(client: FlaskClient) -> None:
    issue(client)
    issue(client, lifetime="P400D")
    client.get("/v1/tokens")
    client.get("/v1/tokens", headers=as_caller("forged"))
    client.open("/nowhere", method="BREW")
    text = client.get("/metrics").text
    assert 'sas_http_requests_total{method="POST",route="/v1/tokens",status="201"} 1.0' in text
    assert 'sas_http_requests_total{method="other",route="(none)",status="404"} 1.0' in text
    assert 'sas_tokens_issued_total{profile="storefront-web",redelivered="false"} 1.0' in text
    assert 'sas_problems_total{problem="outside-policy"} 1.0' in text
    assert 'sas_unauthenticated_total{reason="missing"} 1.0' in text
    assert 'sas_unauthenticated_total{reason="unknown"} 1.0' in text
    assert 'sas_http_request_seconds_count{route="/v1/tokens"} 4.0' in text


def test_the_document_is_served(client: FlaskClient) -> None:
    answer = client.get("/openapi.yaml")
    assert answer.content_type == "application/yaml"
    assert yaml.safe_load(answer.text)["openapi"] == "3.1.0"


def test_docs_are_one_page_that_fetches_nothing(client: FlaskClient) -> None:
    answer = client.get("/docs")
    assert answer.content_type == "text/html; charset=utf-8"
    assert "Issue a token" in answer.text
    assert "<script" not in answer.text
    for fetching in ("src=", "url(", "@import", "<link", 'href="http', "<iframe", "<object"):
        assert fetching not in answer.text
    assert "default-src 'none'; style-src 'sha256-" in answer.headers["Content-Security-Policy"]


def test_every_problem_type_has_its_page(client: FlaskClient) -> None:
    answer = client.get("/problems/outside-policy")
    assert answer.status_code == 200
    assert "The policy does not allow this" in answer.text
    assert client.get("/problems/nothing").get_json()["type"] == "/problems/not-found"
