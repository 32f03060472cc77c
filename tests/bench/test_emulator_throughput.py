"""How much processor time one verified data-plane request costs: the emulator must not blur other measurements.

Processor time is told, not wall time, so that a busy machine changes little; issue 3 wants about 1,000 a second.
"""

import http.client
import json
import os
import time
from pathlib import Path
from statistics import median
from typing import Any

from tests.contract.emulator import worlds
from tests.contract.emulator.test_process import port_of, processes_of
from tests.emulator_process import start_emulator

ROUNDS, REQUESTS = 5, 1000


def processor_seconds(processes: list[int]) -> float:
    ticks = 0
    for process in processes:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def call(connection: http.client.HTTPConnection, method: str, path: str, body: object = None, **headers: str) -> Any:
    raw = None if body is None else json.dumps(body)
    connection.request(method, path, raw, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    content = answer.read()
    assert answer.status == 200, content
    return json.loads(content)


def sas_tokens(connection: http.client.HTTPConnection, count: int) -> list[str]:
    resource = "resource=https://management.azure.com&api-version=2019-08-01"
    identity = f"/msi/token?{resource}&client_id={worlds.ISSUER}"
    bearer = call(connection, "GET", identity, X_IDENTITY_HEADER="service-header")["access_token"]
    now = time.time()
    body = {
        "signingKey": "primaryKey",
        "principalId": worlds.WEB_A_PRINCIPAL,
        "maxRatePerSecond": 500,
        "start": time.strftime("%FT%TZ", time.gmtime(now)),
        "expiry": time.strftime("%FT%TZ", time.gmtime(now + 3600)),
    }
    path = f"{worlds.ACCOUNT_ID}/listSas?api-version={worlds.VERSION}"
    return [
        call(connection, "POST", path, body, Authorization=f"Bearer {bearer}")["accountSasToken"] for _ in range(count)
    ]


def test_a_thousand_verified_requests_a_second_on_one_core(tmp_path: Path) -> None:
    running = start_emulator(tmp_path, worlds.world() | {"settings": {"serviceQps": {"geolocation": 1_000_000}}})
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port_of(running))
        tokens = sas_tokens(connection, 20)
        rounds = sorted(measured(connection, tokens, processes_of(running.pid)) for _ in range(ROUNDS))
        connection.close()
    finally:
        running.stop()
    print(
        f"\nverified data-plane requests per second of one core: median {median(rounds):.0f},"
        f" {rounds[0]:.0f} to {rounds[-1]:.0f} in {ROUNDS} rounds of {REQUESTS}"
    )


def measured(connection: http.client.HTTPConnection, tokens: list[str], processes: list[int]) -> float:
    """Return how many requests a second of processor time answers."""
    before = processor_seconds(processes)
    for number in range(REQUESTS):
        authorization = f"jwt-sas {tokens[number % len(tokens)]}"
        call(connection, "GET", "/geolocation/ip/json?api-version=1.0&ip=8.8.8.8", Authorization=authorization)
    return REQUESTS / (processor_seconds(processes) - before)
