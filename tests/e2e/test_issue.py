"""Issuing over HTTP: what the caller gets, what is refused, and what never reaches Azure."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.e2e.running_demo import RunningDemo

TOKEN_ANSWER = {
    "id", "token", "authorization", "fingerprint", "account", "profile", "clientId", "hosts", "signingKey",
    "principalId", "epoch", "regions", "maxRatePerSecond", "start", "expiry", "replaces", "renewal",
}  # fmt: skip


def answered_without_a_signature(demo: RunningDemo, ask: Callable[[], requests.Response]) -> requests.Response:
    """Return the first answer; ask again while something was signed meanwhile, as the worker does for itself."""
    answers: list[requests.Response] = []
    for _ in range(5):
        before = demo.counters()["operations"].get("listSas", 0)
        answers.append(ask())
        if demo.counters()["operations"].get("listSas", 0) == before:
            return answers[0]
    raise AssertionError("whenever it was asked, something was signed")


def test_answer_has_everything_a_frontend_needs(demo: RunningDemo) -> None:
    answer = demo.issue(lifetime="PT15M", maxRatePerSecond=10, regions=["eastus"])
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.json()
    assert set(body) >= TOKEN_ANSWER
    assert body["authorization"] == f"jwt-sas {body['token']}"
    assert (body["regions"], body["maxRatePerSecond"]) == (["eastus"], 10)
    seen = demo.call("GET", f"/v1/tokens/{body['id']}").json()
    assert "token" not in seen
    assert seen["fingerprint"] == body["fingerprint"]
    assert seen["state"] == "live"


def test_plain_text_answer_is_the_bare_token(demo: RunningDemo) -> None:
    answer = demo.issue(headers={"Accept": "text/plain"})
    assert demo.ask_map(answer.text).status_code == 200
    assert answer.headers["ETag"].strip('"')
    assert 'rel="renewal"' in answer.headers["Link"]
    assert answer.headers["Sas-Token-Id"]


@pytest.mark.parametrize(
    ("wanted", "pointers"),
    [
        ({"lifetime": "P400D"}, {"/lifetime"}),
        ({"maxRatePerSecond": 501}, {"/maxRatePerSecond"}),
        ({"regions": ["westeurope"]}, {"/regions"}),
        ({"profile": "logistics-batch"}, {"/profile"}),
        ({"start": "2030-01-02T00:00:00Z", "expiry": "2030-01-01T00:00:00Z"}, {"/start"}),
        ({"colour": "green"}, {"/colour"}),
        (
            {"client": "logistics", "profile": "logistics-batch", "lifetime": "P400D", "maxRatePerSecond": 501,
             "regions": ["westeurope", "marseast"], "colour": 1, "size": 2, "shape": 3, "weight": 4, "taste": 5,
             "start": "2031-01-01T00:00:00Z", "reason": 7},
            {"/lifetime", "/maxRatePerSecond", "/regions", "/colour", "/size", "/shape", "/weight", "/taste",
             "/start", "/reason"},
        ),
    ],
    ids=["400 days", "rate 501", "foreign region", "foreign profile", "start after expiry", "unknown field", "ten"],
)  # fmt: skip
def test_requests_outside_policy_never_reach_azure(
    demo: RunningDemo, wanted: dict[str, Any], pointers: set[str]
) -> None:
    # The ten come from another caller: refusals with the same first rule would fold into one event.
    answer = answered_without_a_signature(demo, lambda: demo.issue(**wanted))
    assert 400 <= answer.status_code < 500
    problem = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    named = {"/" + each["pointer"].split("/")[1] for each in problem["violations"]}
    assert pointers <= named
    assert all(each["rule"] for each in problem["violations"])
    denied = [each for each in demo.events() if each.get("requestId") == answer.headers["x-request-id"]]
    assert [each["kind"] for each in denied] == ["denied"]
    assert len(denied[0]["violations"]) == len(problem["violations"])


def test_a_team_sees_its_own_tokens_only(demo: RunningDemo) -> None:
    theirs = demo.issue("logistics", profile="logistics-batch").json()["id"]
    ours = demo.issue().json()["id"]
    listed = {each["id"] for each in demo.call("GET", "/v1/tokens?limit=500").json()["items"]}
    assert ours in listed
    assert theirs not in listed
    assert demo.call("GET", f"/v1/tokens/{theirs}").status_code == 404
    everything = {each["id"] for each in demo.call("GET", "/v1/tokens?limit=500", "auditor").json()["items"]}
    assert {ours, theirs} <= everything


def test_roles_are_needed_and_named(demo: RunningDemo) -> None:
    assert demo.issue("auditor").status_code == 403
    refused = demo.call("GET", "/v1/audit/events", "storefront")
    assert refused.status_code == 403
    assert "Audit.Read" in refused.text


def test_the_same_idempotency_key_delivers_the_same_grant(demo: RunningDemo) -> None:
    headers = {"Idempotency-Key": "order-4711"}
    first, again = demo.issue(headers=headers), demo.issue(headers=headers)
    assert (first.status_code, again.status_code) == (201, 200)
    for name in ("id", "start", "expiry"):
        assert first.json()[name] == again.json()[name]
    assert demo.ask_map(again.json()["token"]).status_code == 200
    kinds = [each["kind"] for each in demo.events(token=first.json()["id"])]
    assert kinds == ["reserved", "issued", "redelivered"]
    assert demo.issue(lifetime="PT11M", headers=headers).status_code == 422


def test_suspended_team_gets_nothing_until_it_is_lifted(demo: RunningDemo) -> None:
    assert demo.call("PUT", "/v1/suspensions/team/storefront", "storefront", json={}).status_code == 403
    assert demo.call("PUT", "/v1/suspensions/team/storefront", "admin", json={"reason": "drill"}).status_code == 201
    try:
        assert demo.issue().status_code == 403
        assert demo.issue("logistics", profile="logistics-batch").status_code == 201
    finally:
        assert demo.call("DELETE", "/v1/suspensions/team/storefront", "admin").status_code == 204
    assert demo.issue().status_code == 201


def test_preview_signs_nothing(demo: RunningDemo) -> None:
    asked = {"profile": "storefront-web", "lifetime": "PT20M"}
    shown = answered_without_a_signature(demo, lambda: demo.call("POST", "/v1/tokens/preview", json=asked))
    assert shown.status_code == 200
    assert "token" not in shown.json()


def test_events_are_numbered_without_gaps(demo: RunningDemo) -> None:
    demo.issue()
    numbers: dict[str, list[int]] = {}
    for event in demo.events():
        numbers.setdefault(event["stream"], []).append(event["seq"])
    for stream, seqs in numbers.items():
        assert sorted(seqs) == list(range(1, len(seqs) + 1)), stream


def test_documents_are_served(demo: RunningDemo) -> None:
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.yaml", "/docs"):
        assert demo.call("GET", path).status_code == 200, path
