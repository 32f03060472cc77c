"""The short way of issuing answers, records and counts as the long way does, and leaves to it what is not plain."""

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from sas_service.api.short_issue import LONGEST, ShortIssue
from sas_service.api.short_way import ShortWay
from sas_service.domain.errors import (
    AuditLogUnavailable,
    AzureUnavailable,
    IdentityUnavailable,
    MirrorUnavailable,
    SasServiceError,
)
from sas_service.domain.quotas import Quota
from sas_service.ports import Suspension
from tests.unit.api.world import DEPOT, NOW, SHARING_POLICY, SHOP, KnownPolicy, World, app_of, as_caller

PATH = "/v1/tokens"
PLAIN = b'{"profile":"storefront-web"}'
HEADERS = {"Content-Type": "application/json", "x-request-id": "one-request"}


def short_issue(app: Flask) -> ShortIssue:
    outer = app.wsgi_app
    assert isinstance(outer, ShortWay)
    assert isinstance(outer._long_way, ShortIssue)
    return outer._long_way


def answered(*, short: bool, body: bytes = PLAIN, times: int = 1, **request: Any) -> tuple[Any, ...]:
    """Ask a fresh world on one of the two ways; return all that can be seen of it: answer, mirror, metrics."""
    world = World(policies=KnownPolicy(SHARING_POLICY))
    app = app_of(world)
    if not short:
        app.__dict__["wsgi_app"] = short_issue(app)._long_way
    request = {"method": "POST", "path": PATH, **request}
    headers = {**as_caller("storefront"), **HEADERS, **request.pop("headers", {})}
    headers = {name: value for name, value in headers.items() if value is not None}
    for _ in range(times):
        answer = app.test_client().open(data=body, headers=headers, **request)
    counted = [each for each in app.test_client().get("/metrics").text.splitlines() if "_total{" in each]
    told = sorted((name.lower(), value) for name, value in answer.headers)
    return answer.status_code, told, answer.data, world.mirror.lines(), counted


REQUESTS: list[Mapping[str, str | None]] = [
    {},
    {"Accept": "text/plain"},
    {"Accept": "text/plain;q=0.2, application/json"},
    {"Accept": "image/png"},
    {"Origin": SHOP},
    {"Origin": DEPOT},
    {"Origin": "null"},
    {"Idempotency-Key": "k"},
    {"Idempotency-Key": "two words"},
    {"If-None-Match": "*"},
    {"Authorization": "Bearer nobody"},
    {"Authorization": "Bearer logistics"},
    {"Authorization": "Bearer unknown"},
    {"Authorization": "Basic x"},
    {"Authorization": None},
    {"Content-Type": "application/json; charset=utf-8"},
    {"Content-Type": "Application/JSON"},
    {"Content-Type": "application/json; charset=latin-1"},
    {"Content-Type": "text/plain"},
    {"Content-Type": None},
    {"Transfer-Encoding": "chunked"},
]
BODIES = [
    b'{"profile":"storefront-web","lifetime":"PT15M","regions":["eastus"],"labels":{"page":"home"},"reason":"r"}',
    b'{"profile":"storefront-web","expiry":"2026-11-21T08:30:00Z","maxRatePerSecond":10}',
    b'{"profile":"storefront-web","lifetime":"P40D","regions":["mars"]}',
    b'{"profile":"storefront-web","lifetime":"forever","maxRatePerSecond":501}',
    *(b'{"profile":"shared"}', b'{"profile":"shared","lifetime":"PT1H"}', b'{"profile":"logistics-batch"}'),
    *(b"", b"{}", b"[]", b"null", b"nonsense", b'{"profile":"a","profile":"b"}', b'{"profile":NaN}', b"\xff"),
    json.dumps({"profile": "storefront-web", "labels": {"page": "x" * 200}}).encode(),
    json.dumps({"profile": "storefront-web", "reason": "x" * LONGEST}).encode(),
    b'{"profile":"storefront-web"}' + b" " * 65_536,
]


@pytest.mark.parametrize("headers", REQUESTS)
def test_every_request_is_answered_as_on_the_long_way(headers: dict[str, str]) -> None:
    assert answered(short=True, headers=headers) == answered(short=False, headers=headers)


@pytest.mark.parametrize("body", BODIES)
def test_every_body_is_answered_as_on_the_long_way(body: bytes) -> None:
    # Twice: the second time it is a body that was read before.
    assert answered(short=True, body=body, times=2) == answered(short=False, body=body, times=2)


@pytest.mark.parametrize("path", [f"{PATH}?no=1", f"{PATH}/", f"//v1{PATH[3:]}", f"{PATH}/preview", f"{PATH}%0a"])
def test_every_address_is_answered_as_on_the_long_way(path: str) -> None:
    assert answered(short=True, path=path) == answered(short=False, path=path)


@pytest.mark.parametrize("method", ["PUT", "OPTIONS", "GET"])
def test_every_method_is_answered_as_on_the_long_way(method: str) -> None:
    assert answered(short=True, method=method) == answered(short=False, method=method)


@pytest.mark.parametrize("body", [PLAIN, BODIES[0], b'{"profile":"shared"}'])
def test_the_plain_case_does_not_go_the_long_way(body: bytes) -> None:
    app = app_of(World(policies=KnownPolicy(SHARING_POLICY)))
    short_issue(app)._long_way = lambda *_: pytest.fail("the long way")
    for accept in ("*/*", "text/plain"):
        answer = app.test_client().post(PATH, data=body, headers=as_caller("storefront", **HEADERS, Accept=accept))
        assert answer.status_code == 201


def test_it_is_logged_the_same(capfd: pytest.CaptureFixture[str]) -> None:
    answered(short=True)
    answered(short=False)
    lines = [each for each in capfd.readouterr().out.splitlines() if "one-request" in each]
    assert len(lines) == 2
    assert all("storefront-object/storefront-app" in each and "status=201" in each for each in lines)


def test_a_refusal_is_on_record_once_and_the_view_is_not_run_again() -> None:
    world = World()
    world.suspensions.put(Suspension("team", "storefront", None, {}, NOW), ["maps-demo"])
    answer = app_of(world).test_client().post(PATH, data=PLAIN, headers=as_caller("storefront", **HEADERS))
    assert (answer.status_code, answer.headers["x-request-id"]) == (403, "one-request")
    assert [line.count('"kind":"denied"') for line in world.mirror.lines()] == [1]


@pytest.mark.parametrize("what", ["caller_tokens", "audit_log", "mirror", "maps_account"])
def test_what_is_away_is_503_and_nothing_is_tried_twice(what: str) -> None:
    errors: dict[str, type[SasServiceError]] = {
        "caller_tokens": IdentityUnavailable,
        "audit_log": AuditLogUnavailable,
        "mirror": MirrorUnavailable,
        "maps_account": AzureUnavailable,
    }
    world = World()
    error = errors[what]("away", retry_after=timedelta(seconds=2))
    # Once: a second try would go through.
    getattr(world, what).fail_with(error, times=1)
    answer = app_of(world).test_client().post(PATH, data=PLAIN, headers=as_caller("storefront", **HEADERS))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")


def test_a_quota_is_counted_once() -> None:
    world = World()
    policy = world.policies.policy
    team = replace(policy.teams["storefront"], quota=Quota(1, timedelta(minutes=1)))
    world.policies.policy = replace(policy, teams={**policy.teams, "storefront": team})
    client = app_of(world).test_client()
    answers = [client.post(PATH, data=PLAIN, headers=as_caller("storefront", **HEADERS)) for _ in range(2)]
    assert [each.status_code for each in answers] == [201, 429]
    assert [each.headers["RateLimit"] for each in answers] == ['"team";r=0;t=60'] * 2


def test_a_body_that_breaks_off_is_a_400() -> None:
    class BreaksOff(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, _buffer: Any) -> int:
            raise OSError("with a secret in it")

    client = app_of(World()).test_client()
    answer = client.post(
        PATH,
        headers=as_caller("storefront", **HEADERS),
        environ_overrides={"wsgi.input": BreaksOff(), "CONTENT_LENGTH": "20"},
    )
    assert answer.status_code == 400
    assert b"secret" not in answer.data
