"""The short way of the hand-out answers as the long way does, and leaves to it whatever it is not made for."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from sas_service.api.short_way import ShortWay
from sas_service.domain.errors import AuditLogUnavailable
from sas_service.domain.quotas import Quota
from sas_service.ports import Current, HandOut, NoneCurrent, Suspension
from tests.unit.api.world import DEPOT, NOW, SHARING_POLICY, SHOP, KnownPolicy, World, app_of, as_caller

PATH = "/v1/profiles/shared/token"
KNOWN_ID = {"x-request-id": "one-request"}


@pytest.fixture
def world() -> World:
    return World(policies=KnownPolicy(SHARING_POLICY))


@pytest.fixture
def app(world: World) -> Flask:
    return app_of(world)


def long_way(app: Flask) -> Flask:
    """Return the same application without the short way."""
    way = app.wsgi_app
    assert isinstance(way, ShortWay)
    app.__dict__["wsgi_app"] = way._long_way
    return app


def told(answer: Any) -> tuple[int, list[tuple[str, str]], bytes]:
    return answer.status_code, sorted((name.lower(), value) for name, value in answer.headers), answer.data


REQUESTS: list[dict[str, Any]] = [
    {},
    {"Accept": "text/plain"},
    {"Accept": "text/plain;q=0.2, application/json"},
    {"Accept": "application/json"},
    {"Origin": SHOP},
    {"Origin": DEPOT},
    {"Origin": "null"},
    {"If-None-Match": "*"},
    {"If-None-Match": 'W/"x", *', "Origin": SHOP},
    {"If-None-Match": '"another"'},
    {"Authorization": "Bearer nobody"},
    {"Authorization": "Bearer admin"},
    {"Authorization": "Basic x"},
    {"Authorization": ""},
    {"Transfer-Encoding": "chunked"},
]
ADDRESSES = [
    *(PATH + rest for rest in ("", "?after=maps-demo.01K9Z6V7Q0M4T1C8N5R2X3Y6ZB", "?no=1", "/", "%0a")),
    *("/v1/profiles/storefront-web/token", "/v1/profiles/made-up/token", "//v1/profiles/shared/token"),
]


@pytest.mark.parametrize("headers", REQUESTS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_every_request_is_answered_as_on_the_long_way(app: Flask, headers: dict[str, str], method: str) -> None:
    named = {**as_caller("storefront"), **KNOWN_ID, **headers}
    app.test_client().get(PATH, headers=as_caller("storefront"))
    short = app.test_client().open(PATH, method=method, headers=named)
    assert told(short) == told(long_way(app).test_client().open(PATH, method=method, headers=named))


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_address_is_answered_as_on_the_long_way(app: Flask, address: str) -> None:
    named = {**as_caller("storefront"), **KNOWN_ID}
    app.test_client().get(PATH, headers=named)
    short = app.test_client().get(address, headers=named)
    assert told(short) == told(long_way(app).test_client().get(address, headers=named))


def test_the_plain_case_does_not_go_the_long_way(app: Flask) -> None:
    way = app.wsgi_app
    assert isinstance(way, ShortWay)
    way._long_way = lambda *_: pytest.fail("the long way")
    client = app.test_client()
    first = client.get(PATH, headers=as_caller("storefront"))
    tag = {"If-None-Match": first.headers["ETag"]}
    assert first.status_code == 200
    assert client.get(PATH, headers=as_caller("storefront", **tag, Origin=SHOP)).status_code == 304


def test_it_is_counted_and_logged_the_same(app: Flask, capfd: pytest.CaptureFixture[str]) -> None:
    for way in (app, long_way(app)):
        way.test_client().get(PATH, headers={**as_caller("storefront"), **KNOWN_ID})
    metrics = app.test_client().get("/metrics").text
    line = 'sas_http_requests_total{method="GET",route="/v1/profiles/<profile>/token",status="200"} 2.0'
    assert line in metrics
    lines = [each for each in capfd.readouterr().out.splitlines() if "one-request" in each]
    assert len(lines) == 2
    assert all("storefront-object/storefront-app" in each and "status=200" in each for each in lines)


def test_a_refusal_is_on_record_once_and_not_asked_again(world: World, app: Flask) -> None:
    asked: list[HandOut] = []
    hand_out = world.shared_tokens.hand_out

    def noted(wish: HandOut) -> Current | NoneCurrent:
        asked.append(wish)
        return hand_out(wish)

    world.shared_tokens.hand_out = noted  # type: ignore[method-assign]
    world.suspensions.put(Suspension("team", "storefront", None, {}, NOW), ["maps-demo"])
    answer = app.test_client().get(PATH, headers={**as_caller("storefront"), **KNOWN_ID})
    assert (answer.status_code, answer.headers["x-request-id"], len(asked)) == (403, "one-request", 1)
    assert [line.count('"kind":"denied"') for line in world.mirror.lines()] == [1]


def test_without_redis_it_is_503_with_the_id_that_it_began_with(world: World, app: Flask) -> None:
    app.test_client().get(PATH, headers=as_caller("storefront"))
    world.shared_tokens.fail_with(AuditLogUnavailable("away", retry_after=timedelta(seconds=2)), times=1)
    answer = app.test_client().get(PATH, headers=as_caller("storefront"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert answer.get_json()["instance"].endswith(answer.headers["x-request-id"])


def test_a_bug_is_a_bare_500(world: World, app: Flask) -> None:
    def bug(_: object) -> None:
        raise RuntimeError("with a secret in it")

    world.shared_tokens.hand_out = bug  # type: ignore[assignment]
    app.config["PROPAGATE_EXCEPTIONS"] = False
    answer = app.test_client().get(PATH, headers=as_caller("storefront"))
    assert (answer.status_code, answer.headers["Content-Type"]) == (500, "application/problem+json")
    assert b"secret" not in answer.data


def test_a_quota_is_counted_once(world: World) -> None:
    policy = world.policies.policy
    team = replace(policy.teams["storefront"], quota=Quota(1, timedelta(minutes=1)))
    world.policies.policy = replace(policy, teams={**policy.teams, "storefront": team})
    client = app_of(world).test_client()
    answers = [client.get(PATH, headers=as_caller("storefront")) for _ in range(2)]
    assert [each.status_code for each in answers] == [200, 429]
    assert [each.headers["RateLimit"] for each in answers] == ['"team";r=0;t=60'] * 2
