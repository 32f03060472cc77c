"""The filters of the two lists over HTTP; that the answers are right is the contract tests' business."""

import json
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.unit.api.world import World, as_caller, issue

AUDITOR = as_caller("auditor")


@pytest.fixture
def tokens(client: FlaskClient, world: World) -> list[Any]:
    """Three tokens, a minute apart, told apart by label, reason, region and lifetime."""
    made = []
    for number, lifetime in enumerate(("PT30M", "PT1H", "PT2H")):
        said = {"reason": f"Release {number}", "labels": {"release": str(number)}, "lifetime": lifetime}
        regions = ["eastus"] if number else ["westus2"]
        made.append(issue(client, extra=said, regions=regions).get_json())
        world.clock.advance(timedelta(minutes=1))
    return made


def listed(client: FlaskClient, query: str, path: str = "/v1/tokens") -> list[Any]:
    answer = client.get(f"{path}?{query}", headers=AUDITOR)
    assert answer.status_code == 200, answer.text
    items: list[Any] = answer.get_json()["items"]
    return items


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("account=maps-demo&team=storefront&profile=storefront-web", [2, 1, 0]),
        ("applicationId=storefront-app", [2, 1, 0]),
        ("applicationId=logistics-app", []),
        ("objectId=storefront-object", [2, 1, 0]),
        ("issuedAfter=2026-11-21T08:01:00Z", [2, 1]),
        ("issuedBefore=2026-11-21T08:01:00Z", [0]),
        ("signingKey=primaryKey&expiresBefore=2026-11-21T09:30:00Z", [1, 0]),
        ("signingKey=secondaryKey", []),
        ("identity=blue&expiresAfter=2026-11-21T09:00:00Z", [2, 1]),
        ("liveAt=2026-11-21T08:01:30Z", [1, 0]),
        ("state=live", [2, 1, 0]),
        ("state=dead,abandoned", []),
        ("label=release:1", [1]),
        ("region=westus2", [0]),
        ("reason=release%202", [2]),
        ("text=RELEASE%200", [0]),
        ("team=storefront&label=release:1&region=westus2", []),
    ],
)
def test_every_filter_of_tokens(client: FlaskClient, tokens: list[Any], query: str, numbers: list[int]) -> None:
    assert [each["id"] for each in listed(client, query)] == [tokens[number]["id"] for number in numbers]


def test_one_token_by_id_or_fingerprint(client: FlaskClient, tokens: list[Any]) -> None:
    for name, value in (("id", tokens[1]["id"]), ("fingerprint", tokens[1]["fingerprint"])):
        assert [each["id"] for each in listed(client, f"{name}={value}")] == [tokens[1]["id"]]
        other = client.get(f"/v1/tokens?{name}={value}", headers=as_caller("logistics")).get_json()
        assert other["items"] == [], "it is another team's"
    assert listed(client, "id=elsewhere.1") == listed(client, f"fingerprint={'0' * 64}") == []
    answer = client.get(f"/v1/tokens?id={tokens[1]['id']}&team=storefront", headers=AUDITOR)
    assert (answer.status_code, answer.get_json()["violations"][0]["rule"]) == (400, "query.alone")


def test_a_team_filters_only_what_is_its_own(client: FlaskClient, tokens: list[Any]) -> None:
    assert client.get("/v1/tokens?state=live", headers=as_caller("logistics")).get_json()["items"] == []


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("applicationId=storefront-app", 6),
        ("objectId=storefront-object&kind=issued", 3),
        ("kind=issued,reserved&after=2026-11-21T08:01:00Z", 4),
        ("before=2026-11-21T08:01:00Z&account=maps-demo", 2),
        ("text=release%201", 1),
        ("revocation=01K9Z6V7Q0M4T1C8N5R2X3Y6ZB", 0),
        ("team=storefront&kind=denied", 0),
    ],
)
def test_every_filter_of_events(client: FlaskClient, tokens: list[Any], query: str, count: int) -> None:
    assert len(listed(client, query, "/v1/audit/events")) == count


def test_events_of_a_fingerprint(client: FlaskClient, tokens: list[Any]) -> None:
    found = listed(client, f"fingerprint={tokens[0]['fingerprint']}", "/v1/audit/events")
    assert [(each["kind"], each["token"]) for each in found] == [
        ("issued", tokens[0]["id"]),
        ("reserved", tokens[0]["id"]),
    ]
    assert listed(client, f"fingerprint={'0' * 64}", "/v1/audit/events") == []
    both = f"fingerprint={tokens[0]['fingerprint']}&token={tokens[1]['id']}"
    assert listed(client, both, "/v1/audit/events") == []


def test_links_keep_what_was_asked_and_lead_to_everything(client: FlaskClient, tokens: list[Any]) -> None:
    address: str | None = "/v1/tokens?limit=1&issuedAfter=2026-11-21T08%3A00%3A00%2B00%3A00&state=live,dead"
    seen = []
    while address:
        answer = client.get(address, headers=AUDITOR)
        page = answer.get_json()
        assert (answer.headers.get("Link") or "").startswith(f"<{page['next']}>") == bool(page["next"])
        seen += [each["id"] for each in page["items"]]
        address = page["next"]
    assert seen == [each["id"] for each in reversed(tokens)]


def test_everything_wrong_is_told_at_once(client: FlaskClient) -> None:
    query = "limit=501&state=alive&label=x&liveAt=now&signingKey=managedIdentity&fingerprint=1&colour=red&cursor="
    answer = client.get(f"/v1/tokens?{query}", headers=AUDITOR)
    pointers = {each["pointer"] for each in answer.get_json()["violations"]}
    names = ("limit", "state", "label", "liveAt", "signingKey", "fingerprint", "colour", "cursor")
    assert (answer.status_code, pointers) == (400, {f"query:{name}" for name in names})
    answer = client.get("/v1/audit/events?kind=gone&after=1&limit=0", headers=AUDITOR)
    assert len(json.loads(answer.text)["violations"]) == 3
