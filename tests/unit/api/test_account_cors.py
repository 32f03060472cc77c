"""The account's own CORS rule: validated at once, on record before and after, sent once, judged by what Azure shows."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from sas_service.adapters.memory import MemoryAccountCors
from sas_service.domain.errors import (
    AuditLogUnavailable,
    AzureRefused,
    AzureThrottled,
    AzureUnavailable,
    MirrorUnavailable,
    SasServiceError,
)
from sas_service.ports import CorsReading
from tests.unit.api.world import CORS, World, app_of, as_caller

PATH = "/v1/accounts/maps-demo/cors"
ADMIN = as_caller("admin")
SHOP = "https://shop.example"


def put(client: FlaskClient, *origins: Any) -> Any:
    return client.put(PATH, json={"allowedOrigins": list(origins)}, headers=ADMIN)


def events(world: World) -> list[dict[str, Any]]:
    """The events of the rule, without those of refused callers."""
    told = [json.loads(line) for line in world.mirror.lines()]
    return [event for event in told if event["kind"].startswith("cors")]


@pytest.fixture
def azure(world: World) -> MemoryAccountCors:
    assert world.account_cors is not None
    return world.account_cors


def test_no_rule_is_null_and_a_rule_is_set_shown_and_removed(client: FlaskClient, azure: MemoryAccountCors) -> None:
    shown = client.get(PATH, headers=as_caller("auditor"))
    assert shown.get_json() == {"account": "maps-demo", "allowedOrigins": None}
    answer = put(client, SHOP, "http://localhost:3000")
    assert (answer.status_code, answer.get_json()["allowedOrigins"]) == (200, [SHOP, "http://localhost:3000"])
    assert client.get(PATH, headers=ADMIN).get_json() == answer.get_json()
    removed = client.delete(PATH, headers=ADMIN)
    assert (removed.status_code, removed.data) == (204, b"")
    assert azure.written == [("maps-demo", (SHOP, "http://localhost:3000")), ("maps-demo", None)]
    assert client.get(PATH, headers=ADMIN).get_json()["allowedOrigins"] is None


def test_intent_and_outcome_are_on_record(client: FlaskClient, world: World) -> None:
    put(client, SHOP)
    client.delete(PATH, headers={**ADMIN, "x-request-id": "request-2"})
    told = events(world)
    assert [event["kind"] for event in told] == ["corsChanging", "corsChanged", "corsChanging", "corsChanged"]
    assert (told[0]["allowedOrigins"], told[0]["previous"]) == ([SHOP], "any")
    assert (told[3]["allowedOrigins"], told[3]["previous"]) == ("any", [SHOP])
    assert told[3]["azureRequestId"] == "azure-request-2"
    assert {(event["stream"], event["account"], event["caller"]["applicationId"]) for event in told} == {
        ("maps-demo", "maps-demo", "admin-app")
    }


@pytest.mark.parametrize(
    "origin",
    [
        "*", "https://*.shop.example", "null", "", "shop.example", "http://shop.example", "https://shop.example/",
        "https://shop.example:443", "http://localhost:80", "https://shop.example/path", "https://u@shop.example",
        "https://shop.example:70000", "https://shop.example:0", "https://shop.example:0443", "file://x", "https://",
        "https://-shop.example", "https://shop..example", "https://shop.example\n", "https://sh\u043ep.example",
        "https://127.0.0.1:8080/?x", "HTTPS:/shop.example", 5, None, ["https://shop.example"],
        "https://" + "a." * 130 + "example", "https://eyJhbGciOiJSUzI1NiJ9.example",
    ],
)  # fmt: skip
def test_what_is_no_origin_is_refused(client: FlaskClient, azure: MemoryAccountCors, origin: Any) -> None:
    answer = put(client, SHOP, origin)
    assert (answer.status_code, answer.get_json()["type"]) == (400, "/problems/invalid-request")
    assert [each["pointer"] for each in answer.get_json()["violations"]] == ["/allowedOrigins/1"]
    assert azure.written == []


@pytest.mark.parametrize("origin", [SHOP, "https://a-b.example:8443", "http://127.0.0.1:5000", "http://[::1]:1"])
def test_origins_are_taken(client: FlaskClient, origin: str) -> None:
    assert put(client, origin).get_json()["allowedOrigins"] == [origin]


def test_case_is_folded_as_browsers_do(client: FlaskClient) -> None:
    assert put(client, "https://Shop.Example").get_json()["allowedOrigins"] == [SHOP]


def test_all_violations_are_told_at_once(client: FlaskClient) -> None:
    body = {"allowedOrigins": [SHOP, "*", "https://SHOP.example", 5], "maxAge": 1}
    problem = client.put(PATH, json=body, headers=ADMIN).get_json()
    assert [(each["pointer"], each["rule"]) for each in problem["violations"]] == [
        ("/allowedOrigins/1", "schema.pattern"),
        ("/allowedOrigins/2", "schema.unique"),
        ("/allowedOrigins/3", "schema.type"),
        ("/maxAge", "schema.unknown"),
    ]


@pytest.mark.parametrize(
    "body", [{}, {"allowedOrigins": []}, {"allowedOrigins": None}, {"allowedOrigins": SHOP},
             {"allowedOrigins": [f"https://{number}.example" for number in range(101)]}],
)  # fmt: skip
def test_a_rule_has_1_to_100_origins(client: FlaskClient, azure: MemoryAccountCors, body: dict[str, Any]) -> None:
    answer = client.put(PATH, json=body, headers=ADMIN)
    assert [each["pointer"] for each in answer.get_json()["violations"]] == ["/allowedOrigins"]
    assert azure.written == []


@pytest.mark.parametrize(
    ("method", "caller", "status"),
    [("GET", "storefront", 403), ("GET", "auditor", 200), ("GET", "admin", 200), ("PUT", "auditor", 403),
     ("DELETE", "auditor", 403), ("DELETE", "storefront", 403), ("DELETE", "forged", 401)],
)  # fmt: skip
def test_roles(client: FlaskClient, azure: MemoryAccountCors, method: str, caller: str, status: int) -> None:
    body: dict[str, Any] = {"json": {"allowedOrigins": [SHOP]}} if method == "PUT" else {}
    assert client.open(PATH, method=method, headers=as_caller(caller), **body).status_code == status
    assert azure.written == []


def test_an_unknown_account_is_not_found(client: FlaskClient) -> None:
    assert client.get("/v1/accounts/elsewhere/cors", headers=ADMIN).status_code == 404
    assert client.delete("/v1/accounts/elsewhere/cors", headers=ADMIN).status_code == 404


def test_without_an_operating_identity_it_is_said(world: World) -> None:
    world.account_cors = None
    client = app_of(world).test_client()
    for answer in (client.get(PATH, headers=ADMIN), put(client, SHOP), client.delete(PATH, headers=ADMIN)):
        assert (answer.status_code, answer.get_json()["type"]) == (503, "/problems/operator-missing")
        assert int(answer.headers["Retry-After"]) >= 60
    assert events(world) == []


def test_an_account_that_is_being_changed_is_left_alone(
    client: FlaskClient, world: World, azure: MemoryAccountCors
) -> None:
    azure.accounts["maps-demo"] = replace(CORS, provisioning_state="Updating")
    answer = put(client, SHOP)
    assert (answer.status_code, answer.get_json()["type"]) == (503, "/problems/azure-unavailable")
    assert azure.written == []
    assert events(world) == []


@pytest.mark.parametrize("down", [AuditLogUnavailable("away"), MirrorUnavailable("full")])
def test_without_an_intent_on_record_nothing_is_sent(
    client: FlaskClient, world: World, azure: MemoryAccountCors, down: SasServiceError
) -> None:
    place = world.mirror if isinstance(down, MirrorUnavailable) else world.audit_log
    place.fail_with(down)
    assert put(client, SHOP).status_code == 503
    assert azure.written == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (AzureRefused("Azure refused the call.", effect="none", code="AuthorizationFailed"), 502),
        (AzureThrottled("Slow down.", effect="none", retry_after=timedelta(seconds=7)), 503),
        (AzureUnavailable("Azure cannot be reached.", effect="none"), 503),
    ],
)
def test_a_refused_write_is_on_record_as_failed(
    client: FlaskClient, world: World, azure: MemoryAccountCors, error: SasServiceError, status: int
) -> None:
    refusing(azure, error)
    assert put(client, SHOP).status_code == status
    assert [event["kind"] for event in events(world)] == ["corsChanging", "corsChangeFailed"]
    failed = events(world)[1]
    assert (failed["cause"], failed["effect"]) == (type(error).__name__, "none")
    assert failed.get("code") == error.extra.get("code")


def refusing(azure: MemoryAccountCors, error: SasServiceError) -> None:
    """Let the account be read, and the write fail without effect."""

    def refuse(_reading: CorsReading) -> CorsReading:
        raise error

    azure.effect = refuse


LOST = AzureUnavailable("Azure did not answer in time.", effect="unknown")


def test_a_lost_answer_is_no_failure_if_the_account_shows_the_rule(
    client: FlaskClient, world: World, azure: MemoryAccountCors
) -> None:
    azure.lose_answer = LOST
    assert put(client, SHOP).status_code == 200
    assert len(azure.written) == 1
    assert [event["kind"] for event in events(world)] == ["corsChanging", "corsChanged"]


def test_a_lost_answer_without_effect_is_unconfirmed_and_not_sent_again(
    client: FlaskClient, world: World, azure: MemoryAccountCors
) -> None:
    azure.lose_answer = LOST
    azure.effect = lambda _reading: CORS
    answer = put(client, SHOP)
    assert (answer.status_code, answer.get_json()["type"]) == (502, "/problems/write-unconfirmed")
    assert len(azure.written) == 1
    assert events(world)[1]["cause"] == "WriteUnconfirmed"


@pytest.mark.parametrize(
    ("others", "named"),
    [
        ({"kind": '"gen1"'}, "kind"),
        ({"properties.disableLocalAuth": "true"}, "properties.disableLocalAuth"),
        ({"identity": "{}"}, "identity"),
    ],
)
def test_anything_else_that_changed_is_named(
    client: FlaskClient, world: World, azure: MemoryAccountCors, others: dict[str, str], named: str
) -> None:
    azure.effect = lambda reading: replace(reading, others={**reading.others, **others})
    answer = put(client, SHOP)
    assert answer.get_json()["type"] == "/problems/write-unconfirmed"
    assert answer.get_json()["detail"].endswith(f": {named}.")
    assert events(world)[1]["kind"] == "corsChangeFailed"


def test_an_account_that_cannot_be_read_afterwards_is_unconfirmed(
    client: FlaskClient, azure: MemoryAccountCors
) -> None:
    azure.effect = lambda reading: fail_next(azure, reading)
    assert put(client, SHOP).get_json()["type"] == "/problems/write-unconfirmed"


def fail_next(azure: MemoryAccountCors, reading: CorsReading) -> CorsReading:
    azure.fail_with(AzureUnavailable("Azure failed.", effect="unknown"))
    return reading
