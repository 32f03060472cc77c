"""The demo as a test sees it: started as a process, used over HTTP, ended by its pid."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).parents[2]
ROUTE = "/route/directions/json?api-version=1.0&query=52.50931,13.42936:52.50274,13.43872"


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def eventually(condition: Callable[[], bool], within: float = 20.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within} s"
        time.sleep(0.05)


class RunningDemo:
    """One ``sas-service demo`` in its own directory and on its own ports."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.directory = directory
        self.options = options
        self.port, self.emulator_port = free_ports(2)
        self.output = ""
        self._bearers: dict[str, str] = {}
        self.start()

    def start(self) -> None:
        self._bearers.clear()
        command = [
            sys.executable,
            "-m",
            "sas_service.cli",
            "demo",
            "--directory",
            str(self.directory),
            "--port",
            str(self.port),
            "--emulator-port",
            str(self.emulator_port),
            *self.options,
        ]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self.process.stdout is not None
        lines: list[str] = []
        for line in self.process.stdout:
            lines.append(line)
            if "Ctrl-C stops everything" in line:
                break
        self.output = "".join(lines)
        assert "Ctrl-C stops everything" in self.output, self.output
        self.contract: dict[str, Any] = json.loads((self.directory / "demo.json").read_text())

    def stop(self, number: int = signal.SIGINT) -> str:
        """End the demo; returns what it still had to say. All its processes must be gone."""
        pids = list(self.pids().values())
        if self.process.poll() is None:
            self.process.send_signal(number)
        said, _ = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, said
        assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
        assert secrets_in(self.directory, self.secrets(), self.output + said) == []
        return str(said)

    def pids(self) -> dict[str, int]:
        found: dict[str, int] = json.loads((self.directory / "processes.json").read_text())
        return found

    def api_workers(self) -> list[int]:
        arbiter = self.pids()["api"]
        try:
            return [int(pid) for pid in Path(f"/proc/{arbiter}/task/{arbiter}/children").read_text().split()]
        except FileNotFoundError:
            return []

    @property
    def api(self) -> str:
        return str(self.contract["apiUrl"])

    @property
    def emulator(self) -> str:
        return str(self.contract["emulatorUrl"])

    def bearer(self, client: str) -> str:
        if client not in self._bearers:
            known = self.contract["clients"][client]
            form = {
                "grant_type": "client_credentials",
                "client_id": known["clientId"],
                "client_secret": known["clientSecret"],
                "scope": self.contract["scope"],
            }
            answer = requests.post(self.contract["tokenUrl"], data=form, timeout=10)
            assert answer.status_code == 200, answer.text
            self._bearers[client] = answer.json()["access_token"]
        return self._bearers[client]

    def call(self, method: str, path: str, client: str = "storefront", **more: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.bearer(client)}", **more.pop("headers", {})}
        return requests.request(method, self.api + path, headers=headers, timeout=30, **more)

    def issue(self, client: str = "storefront", **wanted: Any) -> requests.Response:
        headers = wanted.pop("headers", {})
        return self.call("POST", "/v1/tokens", client, json={"profile": "storefront-web", **wanted}, headers=headers)

    def ask_map(self, token: str, path: str = ROUTE) -> requests.Response:
        return requests.get(self.emulator + path, headers={"Authorization": f"jwt-sas {token}"}, timeout=10)

    def counters(self) -> dict[str, Any]:
        found: dict[str, Any] = requests.get(self.emulator + "/_emulator/counters", timeout=10).json()
        return found

    def events(self, **filters: Any) -> list[dict[str, Any]]:
        """All events, oldest first."""
        items: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            query = {**filters, "limit": 500, **({"cursor": cursor} if cursor else {})}
            page = self.call("GET", "/v1/audit/events", "auditor", params=query)
            assert page.status_code == 200, page.text
            items += page.json()["items"]
            cursor = page.json()["next"]
            if cursor is None:
                return items[::-1]

    def secrets(self) -> set[str]:
        """Every secret string that this demo knows: of its clients, of its machine, of the emulated account."""
        made = json.loads((self.directory / "secrets.json").read_text())
        keys = set(
            re.findall(r'"[a-zA-Z_]*[kK]ey": *"([A-Za-z0-9_-]{43})"', (self.directory / "emulator.json").read_text())
        )
        assert keys, "the emulator's state should hold the account keys"
        return (
            keys
            | set(made["clients"].values())
            | {made[name] for name in ("identity_header", "redis_password", "key_pepper", "sealing_key", "signing_key")}
        )


def commands_of(output: str) -> str:
    """The printed commands, as a person would copy them."""
    start = re.search(r"^# 1\.", output, re.MULTILINE)
    end = output.index("Ctrl-C stops everything")
    assert start is not None
    return output[start.start() : end]


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


MAY_HOLD_SECRETS = {"demo.json", "secrets.json", "world.json", "emulator.json", "redis.conf"}
"""The demo's own key ring and the emulated Azure, which is not the service."""

JWT = re.compile(rb"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}")


def secrets_in(directory: Path, known: set[str], output: str) -> list[str]:
    """Where under ``directory`` or in ``output`` a token, key or bearer lies in the clear."""
    texts = {
        str(path): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and path.name not in MAY_HOLD_SECRETS
    }
    texts["output"] = output.encode()
    return [
        name for name, text in texts.items() if JWT.search(text) or any(secret.encode() in text for secret in known)
    ]
