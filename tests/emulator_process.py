"""Starts the emulator as its own process on a free port, waits until it answers, and ends it by its process id."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_START_LIMIT = 20.0
_STOP_LIMIT = 10.0


@dataclass
class RunningEmulator:
    """A started emulator; `certificate` is the file to trust when it serves TLS."""

    url: str
    pid: int
    process: subprocess.Popen[bytes]
    log: Path
    certificate: Path | None = None

    def stop(self) -> None:
        """End it cleanly and make sure that nothing of it is left."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(_STOP_LIMIT)
            except subprocess.TimeoutExpired:
                self.kill()
                raise

    def kill(self) -> None:
        """End it as a power cut would; it leads a session of its own, so its worker dies with it."""
        if self.process.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
            self.process.wait(_STOP_LIMIT)

    def control(self, method: str, path: str, body: object = None) -> Any:
        """Call the control endpoint, for example control("POST", "clock", {"advance": "PT10M"})."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_emulator/{path}", data, method=method)  # noqa: S310 - our own server
        context = ssl.create_default_context(cafile=self.certificate) if self.certificate else None
        with urllib.request.urlopen(request, timeout=10, context=context) as answer:  # noqa: S310 - the same
            raw = answer.read()
        return json.loads(raw) if raw else None


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_emulator(
    directory: Path, world: dict[str, Any] | None, *, port: int | None = None, tls: bool = False
) -> RunningEmulator:
    """Start it with its files in a directory; starting again in the same directory finds the state of the first run."""
    directory.mkdir(parents=True, exist_ok=True)
    chosen = port or free_port()
    command = [sys.executable, "-m", "sas_service.emulator", "--port", str(chosen)]
    command += ["--state", str(directory / "emulator-state.json")]
    if world is not None:
        (directory / "world.json").write_text(json.dumps(world))
        command += ["--world", str(directory / "world.json")]
    certificate = directory / "tls" / "emulator.pem" if tls else None
    if certificate:
        command += ["--tls", "--tls-dir", str(certificate.parent)]
    log = directory / "emulator.log"
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
    url = f"{'https' if tls else 'http'}://127.0.0.1:{chosen}"
    running = RunningEmulator(url, process.pid, process, log, certificate)
    _wait_until_ready(running)
    return running


def _wait_until_ready(running: RunningEmulator) -> None:
    deadline = time.monotonic() + _START_LIMIT
    while time.monotonic() < deadline:
        if running.process.poll() is not None:
            raise RuntimeError(f"the emulator left at once: {running.log.read_text()}")
        try:
            running.control("GET", "health")
        except (OSError, urllib.error.URLError):
            time.sleep(0.05)
        else:
            return
    running.kill()
    raise RuntimeError(f"the emulator did not answer in {_START_LIMIT} s: {running.log.read_text()}")
