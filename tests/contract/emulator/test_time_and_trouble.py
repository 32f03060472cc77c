from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.exceptions import (
    DecodeError,
    HttpResponseError,
    IncompleteReadError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)

from tests.contract.emulator import worlds
from tests.contract.emulator.clients import Clients
from tests.contract.emulator.test_roles import assign, remove
from tests.emulator_process import RunningEmulator

WEB_A = worlds.identity_id("web-a")
SPARE = worlds.identity_id("spare")


@pytest.fixture(autouse=True)
def frozen(emulator: RunningEmulator) -> Iterator[None]:
    """Time passes only when a test says so."""
    emulator.control("POST", "clock", {"freeze": True})
    yield
    emulator.control("POST", "clock", {"freeze": False})


def delays(emulator: RunningEmulator, **of: Any) -> None:
    emulator.control("PATCH", "settings", {"propagation": of})


def wait(emulator: RunningEmulator, duration: str) -> None:
    emulator.control("POST", "clock", {"advance": duration})


def patch(clients: Clients, body: dict[str, Any]) -> None:
    clients.maps().accounts.update(worlds.GROUP, worlds.ACCOUNT, body)


def attach(clients: Clients, own_id: str, value: Any) -> None:
    patch(clients, {"identity": {"type": "UserAssigned", "userAssignedIdentities": {own_id: value}}})


def test_roles_arrive_and_leave_late(clients: Clients, emulator: RunningEmulator) -> None:
    attach(clients, SPARE, {})
    token = clients.sas(principalId=worlds.SPARE_PRINCIPAL)
    delays(emulator, roleAdd="PT5M", roleRemove="PT10M")
    assignment = assign(clients, worlds.SPARE_PRINCIPAL)
    assert clients.locate(token) == 403
    wait(emulator, "PT4M59S")
    assert clients.locate(token) == 403
    wait(emulator, "PT1S")
    assert clients.locate(token) == 200
    remove(clients, assignment)
    wait(emulator, "PT9M59S")
    assert clients.locate(token) == 200
    wait(emulator, "PT1S")
    assert clients.locate(token) == 403


def test_a_role_removed_before_it_arrived_never_arrives(clients: Clients, emulator: RunningEmulator) -> None:
    attach(clients, SPARE, {})
    token = clients.sas(principalId=worlds.SPARE_PRINCIPAL)
    delays(emulator, roleAdd="PT5M", roleRemove="PT10M")
    remove(clients, assign(clients, worlds.SPARE_PRINCIPAL))
    wait(emulator, "PT6M")
    assert clients.locate(token) == 403


def test_random_delays_stay_within_their_bounds(clients: Clients, emulator: RunningEmulator) -> None:
    attach(clients, SPARE, {})
    token = clients.sas(principalId=worlds.SPARE_PRINCIPAL)
    delays(emulator, roleAdd={"min": "PT10S", "max": "PT20S"})
    assignment = assign(clients, worlds.SPARE_PRINCIPAL)
    wait(emulator, "PT9S")
    assert clients.locate(token) == 403
    wait(emulator, "PT11S")
    assert clients.locate(token) == 200
    remove(clients, assignment)


def test_an_attached_identity_signs_late(clients: Clients, emulator: RunningEmulator) -> None:
    attach(clients, SPARE, None)
    delays(emulator, identityAttach="PT30S", identityDetach="PT1M")
    attach(clients, SPARE, {})
    with pytest.raises(HttpResponseError, match="is not assigned to this account"):
        clients.sas(principalId=worlds.SPARE_PRINCIPAL)
    wait(emulator, "PT30S")
    assert clients.sas(principalId=worlds.SPARE_PRINCIPAL)
    token = clients.sas()
    attach(clients, WEB_A, None)
    assert clients.locate(token) == 200
    wait(emulator, "PT1M")
    assert clients.locate(token) == 401
    attach(clients, WEB_A, {})
    wait(emulator, "PT1M")


def test_a_regenerated_key_lingers(clients: Clients, emulator: RunningEmulator) -> None:
    old = clients.sas()
    delays(emulator, keyRegenerate="PT2M")
    clients.maps().accounts.regenerate_keys(worlds.GROUP, worlds.ACCOUNT, {"keyType": "primary"})
    assert (clients.locate(old), clients.locate(clients.sas())) == (200, 200)
    wait(emulator, "PT2M")
    assert clients.locate(old) == 401


def test_local_authentication_takes_minutes_both_ways(clients: Clients, emulator: RunningEmulator) -> None:
    token = clients.sas()
    delays(emulator, disableLocalAuth="PT3M")
    patch(clients, {"properties": {"disableLocalAuth": True}})
    assert clients.locate(token) == 200
    wait(emulator, "PT3M")
    assert clients.locate(token) == 401
    patch(clients, {"properties": {"disableLocalAuth": False}})
    assert clients.locate(token) == 401
    wait(emulator, "PT3M")
    assert clients.locate(token) == 200


def fault(emulator: RunningEmulator, kind: str, **more: Any) -> None:
    emulator.control("POST", "faults", {"operation": "regenerateKey", "kind": kind, **more})


def keys(clients: Clients) -> tuple[str, str]:
    found = clients.maps().accounts.list_keys(worlds.GROUP, worlds.ACCOUNT)
    return found.primary_key, found.secondary_key


def regenerate(clients: Clients, **options: Any) -> Any:
    return clients.maps(**options).accounts.regenerate_keys(worlds.GROUP, worlds.ACCOUNT, {"keyType": "primary"})


@pytest.mark.parametrize(
    ("kind", "more", "error", "happened"),
    [
        ("status", {"status": 500}, HttpResponseError, False),
        ("effectThenStatus", {"status": 504}, HttpResponseError, True),
        ("reset", {}, ServiceResponseError, False),
        ("effectThenReset", {}, ServiceResponseError, True),
        ("timeout", {"seconds": 5}, ServiceResponseTimeoutError, False),
        ("effectThenTimeout", {"seconds": 5}, ServiceResponseTimeoutError, True),
        ("halfBody", {}, (IncompleteReadError, ServiceResponseError, HttpResponseError), True),
        ("wrongJson", {}, (DecodeError, HttpResponseError), True),
    ],
)
def test_faults(
    clients: Clients, emulator: RunningEmulator, kind: str, more: dict[str, Any], error: Any, *, happened: bool
) -> None:
    before = keys(clients)
    fault(emulator, kind, **more)
    with pytest.raises(error):
        regenerate(clients, retry_total=0, read_timeout=0.3)
    after = keys(clients)
    assert (after[0] != before[0]) is happened
    assert after[1] == before[1]
    assert regenerate(clients, retry_total=0)


def test_retry_after_makes_the_official_client_wait_and_succeed(clients: Clients, emulator: RunningEmulator) -> None:
    emulator.control(
        "POST", "faults", {"operation": "getAccount", "kind": "status", "status": 503, "retryAfter": 0, "times": 2}
    )
    before = emulator.control("GET", "counters")["statuses"].get("getAccount", {}).get("503", 0)
    assert clients.maps().accounts.get(worlds.GROUP, worlds.ACCOUNT).name == worlds.ACCOUNT
    assert emulator.control("GET", "counters")["statuses"]["getAccount"]["503"] == before + 2


def test_the_sdk_resends_regenerate_key_by_itself(clients: Clients, emulator: RunningEmulator) -> None:
    fault(emulator, "effectThenStatus", status=503, retryAfter=0, times=1)
    before = emulator.control("GET", "counters")["operations"].get("regenerateKey", 0)
    regenerate(clients)
    assert emulator.control("GET", "counters")["operations"]["regenerateKey"] == before + 2


def test_a_slow_drip_arrives_whole(clients: Clients, emulator: RunningEmulator) -> None:
    emulator.control("POST", "faults", {"operation": "geolocation", "kind": "slow-drip", "seconds": 0.3})
    answer = clients.get("/geolocation/ip/json?api-version=1.0&ip=8.8.8.8", clients.sas())
    assert answer.status_code == 200
    assert answer.elapsed.total_seconds() < 0.3
    assert answer.json()["ipAddress"] == "8.8.8.8"


def test_faults_are_counted_skipped_and_forgotten(clients: Clients, emulator: RunningEmulator) -> None:
    token = clients.sas()
    emulator.control(
        "POST", "faults", {"operation": "dataPlane", "kind": "status", "status": 502, "times": 2, "after": 1}
    )
    assert [clients.locate(token) for _ in range(4)] == [200, 502, 502, 200]
    emulator.control("POST", "faults", {"operation": "*", "kind": "status", "status": 500, "times": 0})
    assert [clients.locate(token) for _ in range(3)] == [500] * 3
    assert len(emulator.control("GET", "faults")["items"]) == 1
    assert emulator.control("DELETE", "faults", {"operation": "*"}) == {"removed": 1}
    assert clients.locate(token) == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "settings", {"propagaton": {}}),
        ("PATCH", "settings", {"propagation": {"roleAdd": "10 minutes"}}),
        ("PATCH", "settings", {"sasInQuery": "maybe"}),
        ("POST", "faults", {"operation": "listSas", "kind": "explode"}),
        ("POST", "faults", {"kind": "reset"}),
        ("POST", "faults", {"operation": "listSAS2", "kind": "reset"}),
        ("POST", "clock", {"advance": "-PT1S"}),
        ("POST", "clock", {}),
    ],
)
def test_control_refuses_what_it_does_not_understand(clients: Clients, method: str, path: str, body: Any) -> None:
    answer = clients.get(f"/_emulator/{path}", method=method, json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


def test_the_page_for_people_shows_the_world_and_no_secret(clients: Clients) -> None:
    primary, secondary = keys(clients)
    page = clients.get("/_emulator/").text
    assert worlds.ACCOUNT_CLIENT_ID in page
    assert "Azure Maps Data Reader" in page
    for secret in (primary, secondary, "backend-secret", "alex-password", "service-header", "first value"):
        assert secret not in page
