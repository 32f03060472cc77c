"""Bodies, parameters and headers that a lenient reader would guess about are refused."""

import json
from time import perf_counter
from typing import Any

import pytest
from flask.testing import FlaskClient

from sas_service.api.echo import looks_like_token
from tests.unit.api.world import World, as_caller, issue

JSON = as_caller("storefront", **{"Content-Type": "application/json"})
DEEP = "[" * 100 + "]" * 100


@pytest.mark.parametrize(
    "body",
    [
        b"", b"nonsense", b"{", b'{"profile":"storefront-web",}', b"{'profile':'storefront-web'}",
        b'{"profile":"storefront-web","profile":"storefront-web"}', b'{"profile":"a","labels":{"x":"1","x":"2"}}',
        b'{"profile":"storefront-web","maxRatePerSecond":NaN}', b'{"maxRatePerSecond":Infinity}',
        b'{"maxRatePerSecond":-Infinity}', b'{"maxRatePerSecond":1e999}', b'{"maxRatePerSecond":' + b"9" * 5000 + b"}",
        b'\xef\xbb\xbf{"profile":"storefront-web"}', '{"profile":"storefront-web"}'.encode("utf-16"),
        b'{"profile":"\xff"}', b'{"profile":"\\ud800"}', b'{"\\udfff":1}', b'{"profile":"a"} {}', b"[" * 60_000,
        DEEP.encode(), b'{"a":' * 10_000, b'{"profile": "storefront-web"}\x00', b"\x00", b"//comment\n{}",
    ],
)  # fmt: skip
def test_what_is_not_strict_json_is_refused(client: FlaskClient, body: bytes) -> None:
    answer = client.post("/v1/tokens", data=body, headers=JSON)
    assert (answer.status_code, answer.get_json()["type"]) == (400, "/problems/invalid-request")
    assert answer.get_json()["violations"][0]["pointer"] == ""
    assert answer.get_json()["violations"][0]["rule"] == "schema.json"


@pytest.mark.parametrize("body", ["null", "[]", '"text"', "5", "true", '[{"profile":"storefront-web"}]'])
def test_a_body_is_an_object(client: FlaskClient, body: str) -> None:
    answer = client.post("/v1/tokens", data=body, headers=JSON)
    assert answer.status_code == 400
    assert [each["rule"] for each in answer.get_json()["violations"] if each["pointer"] == ""] == ["schema.type"]


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "text/json", "*/*"])
def test_other_content_types_are_415(client: FlaskClient, content_type: str | None) -> None:
    headers = as_caller("storefront") | ({"Content-Type": content_type} if content_type else {})
    answer = client.post("/v1/tokens", data=b'{"profile":"storefront-web"}', headers=headers)
    assert (answer.status_code, answer.get_json()["type"]) == (415, "about:blank")


def test_charset_in_the_content_type_is_fine(client: FlaskClient) -> None:
    headers = as_caller("storefront", **{"Content-Type": "application/json; charset=utf-8"})
    assert client.post("/v1/tokens", data=b'{"profile":"storefront-web"}', headers=headers).status_code == 201


@pytest.mark.parametrize("text", ["x" * 60_000, "xA0-" * 15_000, "x/" * 30_000, "eyJ" * 20_000, "x " * 30_000])
def test_looking_for_tokens_takes_time_in_proportion_to_the_text(text: str) -> None:
    begun = perf_counter()
    looks_like_token(text)
    assert perf_counter() - begun < 1


def test_bodies_over_64_kib_are_413(client: FlaskClient) -> None:
    fits = json.dumps({"profile": "storefront-web", "reason": "x" * 60_000})
    assert client.post("/v1/tokens", data=fits, headers=JSON).status_code == 400
    answer = client.post("/v1/tokens", data=fits + " " * 10_000, headers=JSON)
    assert (answer.status_code, answer.get_json()["type"]) == (413, "about:blank")


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("maxRatePerSecond", "5"), ("maxRatePerSecond", 5.0), ("maxRatePerSecond", True), ("maxRatePerSecond", None),
        ("maxRatePerSecond", [5]), ("maxRatePerSecond", {}), ("maxRatePerSecond", 1.5), ("maxRatePerSecond", ""),
        ("lifetime", 900), ("lifetime", "15m"), ("lifetime", "P1Y"), ("lifetime", "P1M"), ("lifetime", "pt15m"),
        ("lifetime", "PT"), ("lifetime", "-PT15M"), ("lifetime", "PT15M "), ("lifetime", None), ("lifetime", "\u0663"),
        ("lifetime", "PT\u0661\u0665M"), ("lifetime", "P99999999999D"), ("lifetime", True), ("lifetime", ["PT15M"]),
        ("start", "2026-11-21"), ("start", "2026-11-21T08:00:00"), ("start", "tomorrow"), ("start", 1763712000),
        ("start", "2026-02-30T08:00:00Z"), ("start", "2026-11-21T25:00:00Z"), ("start", None),
        ("start", "0001-01-01T00:00:00+23:59"), ("expiry", "9999-12-31T23:59:59-23:59"), ("expiry", ""),
        ("expiry", "2026-11-21T08:00:00+99:99"), ("expiry", {"at": "2026-11-21T08:00:00Z"}),
        ("regions", "eastus"), ("regions", {"eastus": 1}), ("regions", None), ("regions", ["x"] * 101),
        ("profile", 5), ("profile", None), ("profile", ""), ("profile", "x" * 101), ("profile", ["storefront-web"]),
        ("profile", "storefront-web\n"), ("profile", "a\u0000b"),
        ("reason", 5), ("reason", ""), ("reason", "x" * 501), ("reason", "two\nlines"), ("reason", "\u202etxt"),
        ("reason", "my token is eyJhbGciOi"), ("labels", "a=b"), ("labels", [["a", "b"]]), ("labels", None),
        ("labels", {str(number): "x" for number in range(21)}), ("colour", "green"), ("Profile", "x"), ("", 1),
        ("__proto__", {}), ("max_rate_per_second", 5), ("te\u0430m", "cyrillic"),
    ],
)  # fmt: skip
def test_members_of_the_wrong_form_are_refused(client: FlaskClient, world: World, member: str, value: Any) -> None:
    answer = issue(client, **{member: value})
    found = [each for each in answer.get_json()["violations"] if each["pointer"] == f"/{member}"]
    assert answer.status_code == 400
    assert len(found) == 1
    assert found[0]["rule"].startswith("schema.")
    assert not world.maps_account.signed


@pytest.mark.parametrize(
    ("labels", "pointers"),
    [
        ({"a": 5}, ["/labels/a"]),
        ({"a": "1", "b c": "2", "d": "x" * 129}, ["/labels/b c", "/labels/d"]),
        ({"a/b": None}, ["/labels/a~1b"]),
        ({"": ""}, ["/labels/", "/labels/"]),
    ],
)
def test_each_label_is_told_by_name(client: FlaskClient, labels: dict[str, object], pointers: list[str]) -> None:
    problem = issue(client, labels=labels).get_json()
    assert sorted(each["pointer"] for each in problem["violations"]) == pointers


def test_regions_are_told_by_number(client: FlaskClient) -> None:
    problem = issue(client, regions=["eastus", 5, "", "marseast"]).get_json()
    assert [each["pointer"] for each in problem["violations"]][:2] == ["/regions/1", "/regions/2"]


def test_a_hundred_violations_are_enough(client: FlaskClient) -> None:
    problem = issue(client, extra={f"x{number}": 1 for number in range(500)}).get_json()
    assert len(problem["violations"]) == 100


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=501", "limit=-1", "limit=5.0", "limit=abc", "limit=", "limit=+5", "limit=1e2", "limit=%D9%A3",
        "limit=5&limit=6", "colour=green", "cursor=", "team=", "team=a&team=b", "profile=" + "x" * 200, "page=2",
        "team=%00", "team=eyJhbGciOiJub25lIn0", "LIMIT=5",
    ],
)  # fmt: skip
def test_parameters_of_the_wrong_form_are_refused(client: FlaskClient, query: str) -> None:
    answer = client.get(f"/v1/tokens?{query}", headers=as_caller("storefront"))
    assert (answer.status_code, answer.get_json()["type"]) == (400, "/problems/invalid-request")
    assert all(each["pointer"].startswith("query:") for each in answer.get_json()["violations"])


def test_operations_without_parameters_refuse_any(client: FlaskClient) -> None:
    assert client.get("/v1/profiles?x=1", headers=as_caller("storefront")).status_code == 400
    assert client.post("/v1/tokens?x=1", json={"profile": "storefront-web"}, headers=JSON).status_code == 400


def test_the_callers_values_come_back_short_and_without_tokens(client: FlaskClient) -> None:
    problem = issue(
        client, reason="eyJ" + "a" * 50, lifetime="y" * 5000, size=["eyJ0"], extra={"eyJhbGciOi": 1}
    ).get_json()
    assert "eyJ" not in json.dumps(problem)
    asked = {each["pointer"]: each["asked"] for each in problem["violations"]}
    assert len(asked["/lifetime"]) == 100
