"""Starts everything that the benches of issuing need, and ends each process by its id."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sas_service.demo import world
from sas_service.demo.environment import service_environment
from tests.emulator_process import RunningEmulator, free_port, start_emulator
from tests.valkey_process import start_valkey

ROOT = Path(__file__).parents[3]
_START_LIMIT = 30.0
_CONFIGURATION = "python:sas_service.gunicorn_conf"


@dataclass(frozen=True)
class Stage:
    """The emulator, the recorded ARM, and what the service's environment is."""

    directory: Path
    emulator: RunningEmulator
    arm: str
    environment: Mapping[str, str]
    secrets: world.DemoSecrets

    def bearer(self, client: str = "storefront") -> str:
        """Return a caller's access token from the emulated Entra."""
        form = {
            "grant_type": "client_credentials",
            "client_id": world.guid(f"client/{client}"),
            "client_secret": self.secrets.clients[client],
            "scope": f"{world.APPLICATION_ID_URI}/.default",
        }
        url = f"{self.emulator.url}/{world.TENANT_ID}/oauth2/v2.0/token"
        return str(_fetch(url, urllib.parse.urlencode(form).encode())["access_token"])


def _fetch(url: str, data: bytes | None = None, **headers: str) -> Any:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    with urllib.request.urlopen(urllib.request.Request(url, data, named), timeout=10) as answer:  # noqa: S310 - ours
        return json.loads(answer.read())


@contextmanager
def stage(directory: Path, *, recorded: bool = True, settings: Mapping[str, str] | None = None) -> Iterator[Stage]:
    """Run the demo's world; with ``recorded`` the service's ARM is the recorded one, else the emulator."""
    secrets = world.DemoSecrets.fresh()
    with ExitStack() as stack:
        emulator = start_emulator(directory / "emulator", world.world(secrets))
        stack.callback(emulator.stop)
        valkey = start_valkey(directory / "valkey")
        stack.callback(valkey.stop)
        arm = stack.enter_context(_recorded_arm(directory, emulator, secrets)) if recorded else emulator.url
        (directory / "mirror").mkdir()
        (directory / "policy.yaml").write_text(yaml.safe_dump(world.policy(emulator.url)))
        environment = {
            **service_environment(
                secrets, directory=str(directory), redis_url=valkey.url, emulator_url=emulator.url, port=0
            ),
            "SAS_ARM_ENDPOINT": arm,
            "SAS_WORKERS": "1",
            "BENCH_ARM": arm,
            "BENCH_MIRROR": str(directory / "plain-mirror"),
            **(settings or {}),
        }
        yield Stage(directory, emulator, arm, environment, secrets)


@contextmanager
def _recorded_arm(directory: Path, emulator: RunningEmulator, secrets: world.DemoSecrets) -> Iterator[str]:
    """Record the account once from the emulator, and serve it from then on."""
    identity = f"client_id={world.guid('identity/service-issuer')}&resource=https://management.azure.com"
    token = _fetch(
        f"{emulator.url}/msi/token?{identity}&api-version=2019-08-01", X_IDENTITY_HEADER=secrets.identity_header
    )["access_token"]
    group = f"subscriptions/{world.SUBSCRIPTION_ID}/resourceGroups/{world.RESOURCE_GROUP}"
    address = f"{emulator.url}/{group}/providers/Microsoft.Maps/accounts/{world.ACCOUNT}?api-version=2023-06-01"
    account = directory / "account.json"
    account.write_text(json.dumps(_fetch(address, Authorization=f"Bearer {token}")))
    port = free_port()
    program = str(Path(__file__).parent / "arm_replies.py")
    with process([sys.executable, program, str(port), str(account)], directory / "arm.log"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def process(command: list[str], log: Path, environment: Mapping[str, str] | None = None) -> Iterator[int]:
    """Run a command and end it by its id."""
    with log.open("ab") as output:
        running = subprocess.Popen(
            command, stdout=output, stderr=output, cwd=ROOT, env={**os.environ, **(environment or {})}
        )
    try:
        yield running.pid
    finally:
        running.send_signal(signal.SIGTERM)
        try:
            running.wait(15)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait(15)


@contextmanager
def server(staged: Stage, application: str, *, health: str = "/healthz") -> Iterator[tuple[int, int]]:
    """Run a WSGI application under the service's own gunicorn configuration; yield its port and its master's id."""
    port = free_port()
    environment = {**staged.environment, "SAS_BIND": f"127.0.0.1:{port}"}
    if application.startswith("sas_service"):
        migrate = [sys.executable, "-m", "sas_service.cli", "migrate"]
        subprocess.run(migrate, check=True, cwd=ROOT, env={**os.environ, **environment}, capture_output=True)
    command = [sys.executable, "-m", "gunicorn", "-c", _CONFIGURATION, application]
    log = staged.directory / f"{application.partition(':')[2].strip('()')}.log"
    with process(command, log, environment) as pid:
        _wait(f"http://127.0.0.1:{port}{health}", log)
        yield port, pid


@contextmanager
def worker(staged: Stage) -> Iterator[int]:
    """Run the background worker."""
    command = [sys.executable, "-m", "sas_service.cli", "worker"]
    with process(command, staged.directory / "worker.log", staged.environment) as pid:
        yield pid


def _wait(url: str, log: Path) -> None:
    limit = time.monotonic() + _START_LIMIT
    while time.monotonic() < limit:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own server
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"no answer from {url}: {log.read_text()[-2000:]}")


def processor_seconds(master: int) -> float:
    """Return what the workers of a gunicorn master have used."""
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    ticks = 0
    for child in children:
        fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
