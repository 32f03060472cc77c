"""Many clients at once: nothing breaks, nothing is done twice, and silent requests leave room for others."""

import http.client
import ssl
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from azure.core.exceptions import ResourceExistsError

from tests.contract.emulator import worlds
from tests.contract.emulator.clients import Clients
from tests.contract.emulator.test_roles import assign, remove
from tests.emulator_process import RunningEmulator


def test_one_of_many_equal_assignments_is_made(clients: Clients) -> None:
    clients.authorization()

    def attempt(_number: int) -> Any:
        try:
            return assign(clients, worlds.SPARE_PRINCIPAL)
        except ResourceExistsError:
            return None

    with ThreadPoolExecutor(8) as pool:
        made = [each for each in pool.map(attempt, range(24)) if each]
    assert len(made) == 1
    remove(clients, made[0])


def test_signing_and_changing_at_the_same_time(clients: Clients, emulator: RunningEmulator) -> None:
    clients.sas()

    def work(number: int) -> str:
        if number % 5 == 0:
            name = f"crowd-{uuid.uuid4().hex[:8]}"
            body = {"location": "eastus", "sku": {"name": "G2"}, "kind": "Gen2"}
            clients.maps().accounts.create_or_update(worlds.GROUP, name, body)
            clients.maps().accounts.delete(worlds.GROUP, name)
            return "changed"
        return f"located {clients.locate(clients.sas())}"

    with ThreadPoolExecutor(8) as pool:
        assert Counter(pool.map(work, range(60))) == {"changed": 12, "located 200": 48}
    assert "500" not in str(emulator.control("GET", "counters")["statuses"])


def test_half_a_request_holds_up_nobody_and_has_no_effect(clients: Clients, emulator: RunningEmulator) -> None:
    before = clients.maps().accounts.list_keys(worlds.GROUP, worlds.ACCOUNT).primary_key
    bearer = clients.credential().get_token("https://management.azure.com/.default").token
    asked = emulator.control("GET", "counters")["operations"].get("regenerateKey", 0)
    connection = http.client.HTTPSConnection(
        urlsplit(emulator.url).netloc, context=ssl.create_default_context(cafile=emulator.certificate), timeout=10
    )
    connection.putrequest("POST", f"{worlds.ACCOUNT_ID}/regenerateKey?api-version=2023-06-01")
    for name, value in {"Authorization": f"Bearer {bearer}", "Content-Length": "21"}.items():
        connection.putheader(name, value)
    connection.putheader("Content-Type", "application/json")
    connection.endheaders(b'{"keyType":')
    assert clients.maps().accounts.list_keys(worlds.GROUP, worlds.ACCOUNT).primary_key == before
    connection.close()
    assert clients.maps().accounts.list_keys(worlds.GROUP, worlds.ACCOUNT).primary_key == before
    assert emulator.control("GET", "counters")["operations"].get("regenerateKey", 0) == asked


def test_silent_requests_leave_room_for_others(clients: Clients, emulator: RunningEmulator) -> None:
    token = clients.sas()
    emulator.control("POST", "faults", {"operation": "route", "kind": "timeout", "seconds": 1, "times": 0})

    def hang(_number: int) -> bool:
        try:
            clients.get("/route/directions/json?api-version=1.0&query=1,1:2,2", token)
        except OSError:
            return True
        return False

    with ThreadPoolExecutor(100) as pool:
        hanging = [pool.submit(hang, number) for number in range(100)]
        assert clients.locate(token) == 200
        assert all(each.result() for each in hanging)
