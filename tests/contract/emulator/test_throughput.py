"""How much processor time one verified data-plane request costs: the emulator must not blur other measurements.

Processor time is judged, not wall time, so that a busy machine changes nothing. Run it with -s to see the figure.
"""

import http.client
import os
from pathlib import Path

from tests.contract.emulator import worlds
from tests.contract.emulator.clients import Clients
from tests.contract.emulator.test_process import port_of, processes_of
from tests.emulator_process import start_emulator

REQUESTS = 3000
WANTED_PER_SECOND_AND_CORE = 1000


def processor_seconds(processes: list[int]) -> float:
    ticks = 0
    for process in processes:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def test_a_thousand_verified_requests_a_second_on_one_core(tmp_path: Path) -> None:
    secure = start_emulator(tmp_path, worlds.world(), tls=True)
    with Clients(secure) as clients:
        tokens = [clients.sas() for _ in range(20)]
    secure.stop()
    running = start_emulator(tmp_path, None)
    try:
        running.control("PATCH", "settings", {"serviceQps": {"geolocation": 1_000_000}})
        processes = processes_of(running.pid)
        connection = http.client.HTTPConnection("127.0.0.1", port_of(running))
        before, statuses = 0.0, set()
        for number in range(REQUESTS + 100):
            if number == 100:
                before = processor_seconds(processes)
            headers = {"Authorization": f"jwt-sas {tokens[number % len(tokens)]}"}
            connection.request("GET", "/geolocation/ip/json?api-version=1.0&ip=8.8.8.8", headers=headers)
            answer = connection.getresponse()
            answer.read()
            statuses.add(answer.status)
        spent = processor_seconds(processes) - before
        connection.close()
    finally:
        running.stop()
    assert statuses == {200}
    print(f"{REQUESTS / spent:.0f} verified data-plane requests per second of one core")
    assert REQUESTS / spent >= WANTED_PER_SECOND_AND_CORE
