import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.emulator import worlds
from tests.contract.emulator.clients import Clients
from tests.e2e.running_demo import eventually
from tests.emulator_process import RunningEmulator, free_port, start_emulator


def processes_of(session: int) -> list[int]:
    """Return the processes of a session that are still there and not just waiting to be reaped."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = path.read_text().rpartition(")")
        except OSError:
            continue
        state, _, _, owner = rest.split()[:4]
        if int(owner) == session and state != "Z":
            found.append(int(name.split()[0]))
    return found


def port_of(emulator: RunningEmulator) -> int:
    return int(emulator.url.rpartition(":")[2])


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_yesterdays_tokens_and_keys_survive_a_restart(tmp_path: Path, way: str) -> None:
    first = start_emulator(tmp_path, worlds.world(), tls=True)
    with Clients(first) as clients:
        sas = clients.sas(principalId=worlds.WEB_B_PRINCIPAL, signingKey="secondaryKey")
        arm = clients.credential().get_token("https://management.azure.com/.default").token
        clients.maps().accounts.regenerate_keys(worlds.GROUP, worlds.ACCOUNT, {"keyType": "primary"})
        fresh = clients.sas()
        first.control("PATCH", "settings", {"propagation": {"roleAdd": "PT7M"}})
    getattr(first, way)()
    eventually(lambda: processes_of(first.pid) == [])
    second = start_emulator(tmp_path, worlds.world(), port=port_of(first), tls=True)
    try:
        with Clients(second) as clients:
            assert (clients.locate(sas), clients.locate(fresh)) == (200, 200)
            path = f"{worlds.ACCOUNT_ID}?api-version={worlds.VERSION}"
            assert clients.get(path, headers={"Authorization": f"Bearer {arm}"}).status_code == 200
            assert second.control("GET", "settings")["propagation"]["roleAdd"] == "PT420S"
    finally:
        second.stop()


def test_the_state_file_is_private_and_is_itself_a_world(tmp_path: Path) -> None:
    running = start_emulator(tmp_path, worlds.world())
    running.stop()
    state = tmp_path / "emulator-state.json"
    assert state.stat().st_mode & 0o077 == 0
    again = start_emulator(tmp_path / "copy", json.loads(state.read_text()))
    again.stop()
    assert [path.name for path in tmp_path.glob(".emulator-state*")] == []


def test_a_taken_port_is_told_plainly() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run(["--port", str(port)])
    assert result.returncode == 1
    assert result.stderr.strip() == f"Error: Port {port} on 127.0.0.1 is already in use."


def run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sas_service.emulator", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tenant": []}, "unknown key tenant"),
        ({"subscriptions": [{"id": "x"}]}, "tenant is missing"),
        ({"subscriptions": [{"id": "x", "tenant": "nobody"}]}, "unknown tenant nobody"),
        ({"roleAssignments": [{"scope": "/", "principalId": "x", "role": "King"}]}, "unknown role King"),
        (
            {"machines": [{"name": "m", "identityHeader": "h", "identities": ["ghost"]}]},
            "0 identities are called ghost",
        ),
        ({"settings": {"throtling": True}}, "unknown key throtling"),
        ({"keyVaults": [{"name": "twin"}, {"name": "Twin"}]}, "two key vaults called twin"),
        ({"hosts": ["a"]}, "expected an object, got list"),
    ],
)
def test_a_wrong_world_is_refused_in_plain_words(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = tmp_path / "world.yaml"
    path.write_text(yaml.safe_dump(worlds.world() | change))
    result = run(["--world", str(path), "--port", str(free_port())])
    assert result.returncode == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_the_sample_world_is_printed_and_is_the_default(tmp_path: Path) -> None:
    sample = yaml.safe_load(run(["--print-world"]).stdout)
    running = start_emulator(tmp_path, None)
    running.stop()
    assert sample["subscriptions"][0]["resourceGroups"][0]["mapsAccounts"][0]["uniqueId"] in running.log.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_fast_with_open_connections_and_silent_requests(tmp_path: Path, number: signal.Signals) -> None:
    running = start_emulator(tmp_path, worlds.world())
    kept = http.client.HTTPConnection("127.0.0.1", port_of(running))
    kept.request("GET", "/_emulator/health")
    kept.getresponse().read()
    running.control("POST", "faults", {"operation": "geolocation", "kind": "timeout"})
    silent = http.client.HTTPConnection("127.0.0.1", port_of(running))
    silent.request("GET", "/geolocation/ip/json")
    time.sleep(0.2)
    began = time.monotonic()
    os.kill(running.pid, number)
    running.process.wait(10)
    assert time.monotonic() - began < 4
    assert processes_of(running.pid) == []
    kept.close()
    silent.close()


def test_nothing_secret_is_in_the_log(tmp_path: Path) -> None:
    running = start_emulator(tmp_path, worlds.world(), tls=True)
    with Clients(running) as clients:
        sas = clients.sas()
        clients.locate(sas)
        clients.get(f"/map/tile?api-version=1.0&subscription-key={sas}")
    running.stop()
    text = running.log.read_text()
    for secret in (sas, "owner-secret", "service-header", "BEGIN PRIVATE KEY"):
        assert secret not in text


def test_reset_is_a_tcp_reset_and_half_a_body_is_half(tmp_path: Path) -> None:
    running = start_emulator(tmp_path, worlds.world())
    try:
        running.control("POST", "faults", {"operation": "geolocation", "kind": "reset"})
        with socket.create_connection(("127.0.0.1", port_of(running))) as raw:
            raw.sendall(b"GET /geolocation/ip/json HTTP/1.1\r\nHost: x\r\n\r\n")
            with pytest.raises(ConnectionResetError):
                raw.recv(1)
        running.control("POST", "faults", {"operation": "geolocation", "kind": "halfBody"})
        connection = http.client.HTTPConnection("127.0.0.1", port_of(running))
        connection.request("GET", "/geolocation/ip/json")
        answer = connection.getresponse()
        with pytest.raises(http.client.IncompleteRead) as broken:
            answer.read()
        announced = int(answer.headers["Content-Length"])
        assert len(broken.value.partial) == announced // 2
        connection.close()
        assert running.control("GET", "health") == {"status": "ready"}
    finally:
        running.stop()
