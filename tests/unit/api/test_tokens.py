"""Tokens over HTTP: shapes, negotiation, idempotency, and shape and policy violations told together."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient

from sas_service.domain.errors import AzureUnavailable
from sas_service.domain.tokens import fingerprint
from tests.unit.api.world import World, as_caller, issue

CONTRACT = {
    "id", "token", "authorization", "fingerprint", "account", "profile", "clientId", "hosts", "signingKey",
    "principalId", "epoch", "regions", "maxRatePerSecond", "start", "expiry", "replaces", "renewal",
}  # fmt: skip


def test_issuing_answers_everything_a_frontend_needs(client: FlaskClient) -> None:
    answer = issue(client, lifetime="PT15M", regions=["eastus"], maxRatePerSecond=10, labels={"page": "home"})
    body = answer.get_json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v1/tokens/{body['id']}"
    assert answer.headers["Cache-Control"] == "no-store"
    assert set(body) >= CONTRACT
    assert body["authorization"] == f"jwt-sas {body['token']}"
    assert body["fingerprint"] == fingerprint(body["token"])
    assert body["renewal"] == f"/v1/tokens/{body['id']}/renewal"
    assert (body["regions"], body["maxRatePerSecond"], body["labels"]) == (["eastus"], 10, {"page": "home"})
    assert body["expiry"] == "2026-11-21T08:15:00Z"
    assert body["worstCaseTransactions"] == 10 * 16 * 60


def test_record_says_the_same_without_the_secret(client: FlaskClient) -> None:
    issued = issue(client, reason="release 42").get_json()
    answer = client.get(f"/v1/tokens/{issued['id']}", headers=as_caller("auditor"))
    body = answer.get_json()
    assert issued["token"] not in answer.text
    assert CONTRACT - set(body) == {"token", "authorization"}
    assert {"state", "team", "caller", "issuedAt", "replacedBy"} <= set(body)
    assert (body["state"], body["reason"], body["team"]) == ("live", "release 42", "storefront")
    assert {name: body[name] for name in CONTRACT & set(body)} == {name: issued[name] for name in CONTRACT & set(body)}


def test_expired_token_is_dead(client: FlaskClient, world: World) -> None:
    issued = issue(client).get_json()
    world.clock.advance(timedelta(days=1))
    assert client.get(f"/v1/tokens/{issued['id']}", headers=as_caller("auditor")).get_json()["state"] == "dead"


@pytest.mark.parametrize("accept", ["text/plain", "text/*", "text/plain, application/json;q=0.5"])
def test_plain_text_is_the_bare_token(client: FlaskClient, accept: str) -> None:
    answer = issue(client, headers={"Accept": accept})
    assert answer.status_code == 201
    assert answer.text.count(".") == 2
    assert answer.content_type == "text/plain; charset=utf-8"
    assert answer.headers["ETag"] == f'"{fingerprint(answer.text)}"'
    assert answer.headers["Link"] == f'</v1/tokens/{answer.headers["Sas-Token-Id"]}/renewal>; rel="renewal"'
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("accept", ["application/json", "*/*", "image/png", "application/*, text/plain;q=0.1"])
def test_everything_else_is_json(client: FlaskClient, accept: str) -> None:
    assert issue(client, headers={"Accept": accept}).get_json()["token"].count(".") == 2


def test_errors_are_problems_whatever_is_accepted(client: FlaskClient) -> None:
    answer = issue(client, headers={"Accept": "text/plain"}, lifetime="P400D")
    assert answer.content_type == "application/problem+json"


def test_redelivery_is_told(client: FlaskClient) -> None:
    headers = {"Idempotency-Key": "order-4711"}
    first, again = issue(client, headers=headers), issue(client, headers=headers)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.get_json()["id"] == again.get_json()["id"]
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"


def test_spaces_and_order_do_not_make_another_body(client: FlaskClient) -> None:
    headers = as_caller("storefront", **{"Idempotency-Key": "k", "Content-Type": "application/json"})
    bodies = ('{"profile":"storefront-web","reason":"a"}', ' {"reason": "a",\n "profile": "storefront-web"}', "{}")
    sent = [client.post("/v1/tokens", data=body, headers=headers).status_code for body in bodies]
    assert sent == [201, 200, 400]
    assert issue(client, headers={"Idempotency-Key": "k"}, reason="b").get_json()["type"] == (
        "/problems/idempotency-key-reused"
    )


@pytest.mark.parametrize("key", ["", "with space", "x" * 256, "naïve"])
def test_odd_idempotency_keys_are_refused_with_everything_else(client: FlaskClient, key: str) -> None:
    problem = issue(client, headers={"Idempotency-Key": key}, colour="green").get_json()
    assert {each["pointer"] for each in problem["violations"]} == {"header:Idempotency-Key", "/colour"}


def test_shape_and_policy_violations_come_together(client: FlaskClient, world: World) -> None:
    answer = issue(
        client,
        lifetime="P400D",
        maxRatePerSecond=501,
        regions=["westeurope", "marseast"],
        start="2031-01-01T00:00:00Z",
        reason=7,
        labels=[],
        colour=1,
        size=2,
        weight=None,
    )
    found = [each["pointer"] for each in answer.get_json()["violations"]]
    assert answer.status_code == 400
    assert sorted(found) == sorted(
        ["/lifetime", "/maxRatePerSecond", "/regions/0", "/regions/1", "/start",
         "/reason", "/labels", "/colour", "/size", "/weight"]
    )  # fmt: skip
    assert len(found) == 10
    assert all(each["rule"] and each["allowed"] is not None for each in answer.get_json()["violations"])
    assert not world.maps_account.signed


def test_policy_violations_alone_are_422(client: FlaskClient) -> None:
    answer = issue(client, maxRatePerSecond=501)
    (violation,) = answer.get_json()["violations"]
    assert answer.status_code == 422
    assert violation == {
        "pointer": "/maxRatePerSecond",
        "asked": 501,
        "allowed": 50,
        "rule": "profiles.storefront-web.maxRatePerSecond",
    }


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/profile"]),
        ({"profile": 5, "maxRatePerSecond": 0}, ["/maxRatePerSecond", "/profile"]),
        ({"profile": "storefront-web", "regions": []}, ["/regions"]),
        ({"profile": "storefront-web", "regions": [5]}, ["/regions/0"]),
        ({"profile": "storefront-web", "regions": ["eastus", "eastus"]}, ["/regions/1"]),
        ({"profile": "storefront-web", "lifetime": "PT1H", "expiry": "2026-11-21T09:00:00Z"}, ["/expiry"]),
        ({"profile": "logistics-batch"}, ["/profile"]),
    ],
)
def test_each_violation_is_told_once(client: FlaskClient, body: dict[str, object], pointers: list[str]) -> None:
    answer = client.post("/v1/tokens", json=body, headers=as_caller("storefront"))
    assert 400 <= answer.status_code < 500
    assert sorted(each["pointer"] for each in answer.get_json()["violations"]) == pointers


def test_preview_shows_the_grant_and_signs_nothing(client: FlaskClient, world: World) -> None:
    answer = client.post("/v1/tokens/preview", json={"profile": "storefront-web"}, headers=as_caller("storefront"))
    body = answer.get_json()
    assert answer.status_code == 200
    assert (body["principalId"], body["epoch"], body["clientId"]) == ("principal-blue", 1, "client-id")
    assert "token" not in body
    assert not world.maps_account.signed


def test_pages_lead_to_each_other(client: FlaskClient) -> None:
    ids = {issue(client).get_json()["id"] for _ in range(5)}
    address, seen = "/v1/tokens?limit=2&team=storefront", []
    while address:
        answer = client.get(address, headers=as_caller("storefront"))
        page = answer.get_json()
        seen += [each["id"] for each in page["items"]]
        address = page["next"]
        assert answer.headers.get("Link") == (f'<{address}>; rel="next"' if address else None)
    assert len(seen) == 5
    assert set(seen) == ids


def test_cursor_may_be_the_link_or_only_the_cursor(client: FlaskClient) -> None:
    for _ in range(3):
        issue(client)
    link = client.get("/v1/tokens?limit=1", headers=as_caller("storefront")).get_json()["next"]
    cursor = parse_qs(urlsplit(link).query)["cursor"][0]
    pages = [
        client.get("/v1/tokens", query_string={"cursor": each, "limit": 2}, headers=as_caller("storefront")).get_json()
        for each in (link, cursor)
    ]
    assert pages[0] == pages[1]
    assert len(pages[0]["items"]) == 2


def test_foreign_cursors_are_refused(client: FlaskClient) -> None:
    answer = client.get("/v1/tokens?cursor=made-up", headers=as_caller("storefront"))
    assert (answer.status_code, answer.get_json()["type"]) == (400, "/problems/invalid-request")


def test_lists_have_a_limit_of_50_unless_asked(client: FlaskClient) -> None:
    for _ in range(51):
        issue(client)
    assert len(client.get("/v1/tokens", headers=as_caller("storefront")).get_json()["items"]) == 50
    assert len(client.get("/v1/tokens?limit=51", headers=as_caller("storefront")).get_json()["items"]) == 51


def test_tokens_are_listed_while_azure_is_away(client: FlaskClient, world: World) -> None:
    issue(client)
    world.maps_account.fail_with(AzureUnavailable("Azure is away"))
    (item,) = client.get("/v1/tokens", headers=as_caller("auditor")).get_json()["items"]
    assert (item["clientId"], item["hosts"]) == (None, ["atlas.microsoft.com"])


def test_renewal_names_a_window_and_when_to_ask_again(client: FlaskClient) -> None:
    token = issue(client, lifetime="PT1H").get_json()
    answer = client.get(token["renewal"], headers=as_caller("storefront"))
    assert answer.get_json() == {
        "suggestedWindow": {"start": "2026-11-21T08:39:40Z", "end": "2026-11-21T08:55:00Z"},
        "reason": None,
        "explanation": None,
        "replacement": None,
    }
    assert 1 <= int(answer.headers["Retry-After"]) <= 3600


def test_unknown_token_is_not_found(client: FlaskClient) -> None:
    for path in ("/v1/tokens/maps-demo.nothing", "/v1/tokens/maps-demo.nothing/renewal"):
        answer = client.get(path, headers=as_caller("storefront"))
        assert (answer.status_code, answer.get_json()["type"]) == (404, "/problems/not-found")
