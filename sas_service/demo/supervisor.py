"""Start the demo's processes in order, say what happens, watch them, and leave none behind."""

import fcntl
import json
import os
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import yaml

from sas_service.demo import world as demo_world
from sas_service.demo.children import Child
from sas_service.demo.environment import service_environment
from sas_service.demo.redis_server import redis_command
from sas_service.demo.words import banner, say

READY_WITHIN = 60.0
"""Seconds that one process may take to answer."""
WATCH_EVERY = 0.5


class DemoError(Exception):
    """The demo cannot start or go on; the text says why and what to do."""


def run_demo(directory: Path, *, port: int, emulator_port: int, applications: int = 0) -> int:
    """Run the demo until Ctrl-C or SIGTERM; returns the exit code."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (directory / "demo.lock").open("a") as lock:
            _claim(lock.fileno(), directory)
            _check_ports({"PORT": port, "EMULATOR_PORT": emulator_port})
            ports = {"port": port, "emulator_port": emulator_port}
            return _Demo(directory, applications=applications, stop=stop, **ports).run()
    except DemoError as error:
        say(f"demo: {error}", error=True)
        return 1


def _claim(descriptor: int, directory: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise DemoError(f"another demo is running in {directory}; stop it, or give --directory") from None


def _check_ports(ports: dict[str, int]) -> None:
    taken = [
        f"port {port} is taken; choose another: make demo {name}=..."
        for name, port in ports.items()
        if not port_is_free(port)
    ]
    if len(set(ports.values())) < len(ports):
        taken.append("PORT and EMULATOR_PORT must differ")
    if taken:
        raise DemoError("; ".join(taken))


def port_is_free(port: int) -> bool:
    """Say whether nobody listens on ``port`` of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class _Demo:
    """One run of the demo: its files, its processes, its end."""

    def __init__(
        self, directory: Path, *, port: int, emulator_port: int, applications: int, stop: threading.Event
    ) -> None:
        self._directory = directory
        self._port = port
        self._stop = stop
        self._api_url = f"http://127.0.0.1:{port}"
        self._emulator_url = f"http://127.0.0.1:{emulator_port}"
        self._emulator_port = emulator_port
        self._redis_port = free_port()
        self._secrets = self._load_secrets(applications)
        self._children: list[Child] = []
        self._waiting: list[tuple[Child, Callable[[], bool]]] = []

    def run(self) -> int:
        """Start all, watch until asked to stop, stop all in the reverse order."""
        begun = time.monotonic()
        try:
            self._write_world()
            self._start_all()
            if not self._stop.is_set():
                self._write("demo.json", json.dumps(self._contract(), indent=1))
                say(banner(self._contract(), self._directory, time.monotonic() - begun))
                self._watch()
        finally:
            self._stop_all()
        return 0

    def _contract(self) -> dict[str, object]:
        return demo_world.contract(self._secrets, self._api_url, self._emulator_url)

    def _load_secrets(self, applications: int) -> demo_world.DemoSecrets:
        path = self._directory / "secrets.json"
        kept = json.loads(path.read_text()) if path.exists() else {}
        # A directory of an earlier release keeps its secrets and gets those that are new.
        made = demo_world.DemoSecrets(**{**asdict(demo_world.DemoSecrets.fresh()), **kept}).with_applications(
            applications
        )
        self._write("secrets.json", json.dumps(asdict(made)))
        return made

    def _write(self, name: str, text: str) -> None:
        """Write a file that only its owner may read, whole or not at all."""
        path = self._directory / name
        temporary = path.with_name(f".{path.name}.new")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        temporary.replace(path)

    def _write_world(self) -> None:
        for folder in ("log", "redis", "mirror"):
            (self._directory / folder).mkdir(mode=0o700, exist_ok=True)
        self._write("world.json", json.dumps(demo_world.world(self._secrets), indent=1))
        policy = demo_world.policy(self._emulator_url, self._secrets.clients)
        self._write("policy.yaml", yaml.safe_dump(policy, sort_keys=False))

    def _start_all(self) -> None:
        ours = [sys.executable, "-m", "sas_service.cli"]
        environment = service_environment(
            self._secrets,
            directory=str(self._directory),
            redis_url=f"redis://:{self._secrets.redis_password}@127.0.0.1:{self._redis_port}/0",
            emulator_url=self._emulator_url,
            port=self._port,
        )
        emulator = [
            *ours,
            "emulator",
            "--port",
            str(self._emulator_port),
            "--state",
            str(self._directory / "emulator.json"),
            "--world",
            str(self._directory / "world.json"),
        ]
        self._write("redis/redis.conf", self._redis_conf())
        self._run(
            Child("emulator", emulator, self._log("emulator")),
            self._emulator_answers,
        )
        self._run(
            Child("redis", redis_command(self._directory / "redis" / "redis.conf"), self._log("redis")),
            lambda: not port_is_free(self._redis_port),
        )
        self._wait()
        self._migrate(Child("migrate", [*ours, "migrate"], self._log("migrate"), environment))
        self._run(Child("api", [*ours, "serve"], self._log("api"), environment), self._api_answers)
        self._run(Child("worker", [*ours, "worker"], self._log("worker"), environment), lambda: True)
        self._wait()

    def _emulator_answers(self) -> bool:
        return _answers(f"{self._emulator_url}/_emulator/health")

    def _api_answers(self) -> bool:
        return _answers(f"{self._api_url}/readyz")

    def _redis_conf(self) -> str:
        return (
            f"bind 127.0.0.1\nport {self._redis_port}\nrequirepass {self._secrets.redis_password}\n"
            f"dir {json.dumps(str(self._directory / 'redis'))}\nappendonly yes\nappendfsync always\n"
            'maxmemory-policy noeviction\nsave ""\n'
        )

    def _log(self, name: str) -> Path:
        return self._directory / "log" / f"{name}.log"

    def _run(self, child: Child, ready: Callable[[], bool]) -> None:
        """Start a child; ``_wait`` waits until it is ready."""
        if self._stop.is_set():
            return
        child.start()
        self._children.append(child)
        self._write_processes()
        self._waiting.append((child, ready))

    def _wait(self) -> None:
        """Wait until all that were started answer, and say so as they do."""
        begun = time.monotonic()
        while self._waiting and not self._stop.wait(0.05):
            for child, ready in list(self._waiting):
                if not child.alive():
                    raise DemoError(f"{child.name} ended at once. Its last words ({child.log}):\n{child.last_words()}")
                if ready():
                    say(f"  {child.name:<9} ready after {time.monotonic() - begun:4.1f} s")
                    self._waiting.remove((child, ready))
                elif time.monotonic() - begun > READY_WITHIN:
                    raise DemoError(f"{child.name} did not answer within {READY_WITHIN:.0f} s, see {child.log}")

    def _migrate(self, child: Child) -> None:
        """Run the migrations to their end."""
        begun = time.monotonic()
        child.start()
        while child.alive():
            if self._stop.wait(0.05):
                child.stop()
                return
        if child.process is None or child.process.returncode != 0:
            raise DemoError(f"the migrations failed. Their last words ({child.log}):\n{child.last_words()}")
        say(f"  schema    ready after {time.monotonic() - begun:4.1f} s")

    def _watch(self) -> None:
        while not self._stop.wait(WATCH_EVERY):
            for child in self._children:
                if child.alive():
                    continue
                if not child.may_restart():
                    raise DemoError(f"{child.name} keeps ending. Its last words ({child.log}):\n{child.last_words()}")
                say(f"  {child.name} ended; starting it again (see {child.log})")
                child.start()
                self._write_processes()

    def _write_processes(self) -> None:
        """Write down who runs as what, for people and tests."""
        pids = {child.name: child.process.pid for child in self._children if child.process}
        self._write("processes.json", json.dumps(pids))

    def _stop_all(self) -> None:
        if self._children:
            say("stopping ...")
        for child in reversed(self._children):
            if not child.stop():
                say(f"  {child.name} had to be killed")
        if self._children:
            say("stopped. The state is kept; the next run finds it.")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  our own loopback address
            return bool(answer.status == 200)  # noqa: PLR2004
    except (OSError, urllib.error.URLError):
        return False
