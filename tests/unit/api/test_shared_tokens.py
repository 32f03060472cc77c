"""Shared tokens over HTTP: one address for getToken callbacks, conditional, counted, refused like all others."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sas_service.domain.errors import AuditLogUnavailable, AzureThrottled
from sas_service.domain.quotas import Quota
from sas_service.ports import Suspension
from tests.unit.api.world import DEPOT, NOW, SHARING_POLICY, SHOP, KnownPolicy, World, app_of, as_caller

PATH = "/v1/profiles/shared/token"


@pytest.fixture
def world() -> World:
    return World(policies=KnownPolicy(SHARING_POLICY))


@pytest.fixture
def app(world: World) -> Flask:
    return app_of(world)


def get(client: FlaskClient, path: str = PATH, caller: str = "storefront", **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get(path, headers=as_caller(caller, **named))


def test_hand_outs_count_towards_the_teams_quota_and_say_what_is_left_to_each(world: World) -> None:
    policy = world.policies.policy
    team = replace(policy.teams["storefront"], quota=Quota(3, timedelta(minutes=1)))
    world.policies.policy = replace(policy, teams={**policy.teams, "storefront": team})
    client = app_of(world).test_client()
    answers: list[Any] = [get(client), get(client), post(client), get(client)]
    assert [each.status_code for each in answers] == [200, 200, 201, 429]
    assert [each.headers["RateLimit"] for each in answers] == [f'"team";r={left};t=60' for left in (2, 1, 0, 0)]
    assert answers[0].headers["RateLimit-Policy"] == '"team";q=3;w=60'
    assert answers[3].headers["Retry-After"] == "60"
    assert answers[3].json["type"] == "/problems/quota-exceeded"
    moving = {"path": f"/v1/tokens/{answers[0].json['id']}/replacement", "headers": as_caller("storefront")}
    moved: Any = client.post(**moving)
    assert moved.json["type"] == "/problems/quota-exceeded", "nobody was told to move"
    world.slots.move("maps-demo", epoch=2)
    world.clock.advance(timedelta(seconds=1))
    moved = client.post(**moving)
    assert moved.status_code == 201, "who was told to move is not held back by it"


def post(client: FlaskClient, **body: Any) -> Any:
    return client.post("/v1/tokens", json={"profile": "shared", **body}, headers=as_caller("storefront"))


def test_every_way_of_asking_leads_to_the_same_token(client: FlaskClient, world: World) -> None:
    first, second, text, posted = get(client), get(client), get(client, Accept="text/plain"), post(client)
    assert (first.status_code, second.status_code, text.status_code, posted.status_code) == (200, 200, 200, 201)
    assert first.json == second.json == posted.json
    assert text.get_data(as_text=True) == first.json["token"]
    assert text.mimetype == "text/plain"
    assert first.json["authorization"] == f"jwt-sas {first.json['token']}"
    assert (first.json["profile"], first.json["team"], first.json["replaces"]) == ("shared", "storefront", None)
    assert len(world.maps_account.signed) == 1


def test_the_headers_name_it_and_no_cache_may_keep_it(client: FlaskClient) -> None:
    for answer in (get(client), get(client, Accept="text/plain"), post(client)):
        told = answer.headers
        body = get(client).json
        assert told["ETag"] == f'"{body["fingerprint"]}"'
        assert told["Sas-Token-Id"] == body["id"]
        assert told["Link"] == f'</v1/tokens/{body["id"]}/renewal>; rel="renewal"'
        assert told["Cache-Control"] == "no-store"
    assert "Accept" in get(client).headers["Vary"]


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*", ' {} , "x"'])
def test_who_has_it_already_is_told_so_and_counted(client: FlaskClient, world: World, form: str) -> None:
    tag = get(client).headers["ETag"]
    answer = get(client, If_None_Match=form.format(tag))
    assert (answer.status_code, answer.get_data()) == (304, b"")
    assert answer.headers["ETag"] == tag
    assert answer.headers["Cache-Control"] == "no-store"
    assert get(client, If_None_Match='"other"').status_code == 200
    (event,) = world.shared_tokens.fold(["maps-demo"], NOW + timedelta(minutes=2))
    assert '"count":3' in event.text.replace(" ", "")


def test_after_a_switch_the_old_one_is_not_current(client: FlaskClient, world: World) -> None:
    before = get(client)
    world.slots.move("maps-demo", epoch=2)
    after = get(client, If_None_Match=before.headers["ETag"])
    assert after.status_code == 200
    assert after.json["epoch"] == 2


def test_a_newer_one_than_this_one(client: FlaskClient, world: World) -> None:
    first = get(client).json["id"]
    early = get(client, f"{PATH}?after={first}")
    assert (early.status_code, early.json["type"]) == (503, "/problems/shared-token-not-ready")
    world.clock.advance(timedelta(seconds=int(early.headers["Retry-After"])))
    second = get(client, f"{PATH}?after={first}")
    assert second.json["id"] > first
    assert get(client).json["id"] == second.json["id"]


@pytest.mark.parametrize("query", ["after=x", "after=", "before=maps-demo.1", "after=maps-demo.1%00"])
def test_what_is_no_id_is_refused(client: FlaskClient, query: str) -> None:
    assert get(client, f"{PATH}?{query}").status_code == 400


def test_wishes_of_ones_own_are_refused_together_and_on_record(client: FlaskClient, world: World) -> None:
    wishes = {
        "lifetime": "PT30M",
        "start": "2026-11-21T09:00:00Z",
        "regions": ["eastus"],
        "maxRatePerSecond": 51,
    }
    answer = post(client, **wishes)
    assert (answer.status_code, answer.json["type"]) == (422, "/problems/outside-policy")
    shared = [each["pointer"] for each in answer.json["violations"] if each["rule"] == "profiles.shared.sharing"]
    assert shared == [f"/{name}" for name in wishes]
    assert "profiles.shared.maxRatePerSecond" in [each["rule"] for each in answer.json["violations"]]
    assert post(client, expiry="2026-11-21T08:30:00Z").json["violations"][0]["pointer"] == "/expiry"
    assert world.maps_account.signed == []
    assert '"denied"' in world.mirror.lines()[0]
    assert post(client, reason="release 42", labels={"page": "checkout"}).status_code == 201


def test_a_body_that_cannot_be_read_is_told_with_what_it_wishes_in_vain(client: FlaskClient) -> None:
    answer = post(client, lifetime="PT30M", colour="red")
    assert answer.status_code == 400
    assert {"schema.unknown", "profiles.shared.sharing"} <= {each["rule"] for each in answer.json["violations"]}


def test_a_profile_that_does_not_share_has_no_such_token(client: FlaskClient) -> None:
    assert get(client, "/v1/profiles/storefront-web/token").status_code == 404
    assert get(client, "/v1/profiles/logistics-batch/token").status_code == 403
    assert get(client, caller="auditor").status_code == 403
    assert client.get(PATH).status_code == 401


def test_pages_may_ask_from_where_the_profile_says(client: FlaskClient) -> None:
    answer = get(client, Origin=SHOP)
    assert answer.headers["Access-Control-Allow-Origin"] == SHOP
    assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
    assert get(client, Origin=DEPOT).status_code == 403
    asked = {"Origin": SHOP, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "if-none-match"}
    preflight = client.options(PATH, headers=asked)
    assert "if-none-match" in preflight.headers["Access-Control-Allow-Headers"]


@pytest.mark.parametrize(
    ("kind", "name"), [("team", "storefront"), ("client", "storefront-app"), ("profile", "shared")]
)
def test_the_suspended_get_none_not_even_told_that_it_is_the_same(
    client: FlaskClient, world: World, kind: str, name: str
) -> None:
    tag = get(client).headers["ETag"]
    world.suspensions.put(Suspension(kind, name, None, {}, NOW), ["maps-demo"])
    assert get(client, If_None_Match=tag).status_code == 403
    assert post(client).status_code == 403


def test_without_redis_none_is_handed_out(client: FlaskClient, world: World) -> None:
    get(client)
    world.shared_tokens.fail_with(AuditLogUnavailable("away", retry_after=timedelta(seconds=2)), times=2)
    assert (get(client).status_code, post(client).status_code) == (503, 503)


def test_an_azure_that_asks_to_wait_is_heard_by_all(client: FlaskClient, world: World) -> None:
    world.maps_account.fail_with(AzureThrottled("slow", retry_after=timedelta(seconds=7)), times=9)
    assert [get(client).headers["Retry-After"] for _ in range(3)] == ["7", "7", "7"]


def test_its_record_and_its_renewal_are_there_for_the_whole_team(client: FlaskClient) -> None:
    token = get(client).json
    record = get(client, f"/v1/tokens/{token['id']}").json
    assert (record["state"], record["caller"]["kind"], record["team"]) == ("live", "shared", "storefront")
    assert get(client, f"/v1/tokens/{token['id']}", caller="logistics").status_code == 404
    renewal = get(client, f"/v1/tokens/{token['id']}/renewal").json
    assert renewal["suggestedWindow"] == {"start": "2026-11-21T08:50:00Z", "end": "2026-11-21T08:55:00Z"}
