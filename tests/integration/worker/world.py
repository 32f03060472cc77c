"""A real Redis, a real emulator and real workers, with the waits of a revocation in seconds."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sas_service.bootstrap.azure import build_azure
from sas_service.bootstrap.mirror import build_accounts
from sas_service.bootstrap.policies import build_policies
from sas_service.bootstrap.revocation import Revocations, build_revocations
from sas_service.bootstrap.stores import Stores, build_stores, migrations_from
from sas_service.demo import world as demo
from sas_service.demo.environment import service_environment
from sas_service.domain.callers import Caller, Role
from sas_service.domain.plans import Asked
from sas_service.domain.revocations import Lever, Mode, Reason, Target
from sas_service.domain.runs import Revocation
from sas_service.settings import Settings
from tests.emulator_process import RunningEmulator, free_port, start_emulator
from tests.valkey_process import RunningValkey, start_valkey

ADMIN = Caller("tenant", "admin-object", "admin-app", "application", frozenset({Role.REVOCATIONS_MANAGE}))
FAST = {
    "SAS_WORKER_TICK": "PT1S",
    "SAS_WORKER_WATCH_EVERY": "PT2S",
    "SAS_ARM_CONNECT_TIMEOUT": "PT1S",
    "SAS_ARM_READ_TIMEOUT": "PT1S",
    "SAS_REVOCATION_CALL_DEADLINE": "PT2S",
    "SAS_REVOCATION_LEASE": "PT5S",
    "SAS_REVOCATION_QUARANTINE": "PT1H",
    "SAS_REVOCATION_PROOF_SPAN": "PT1S",
    "SAS_REVOCATION_RESEND_AFTER": "PT1S",
    "SAS_REVOCATION_REGENERATE_AGAIN_AFTER": "PT1S",
}
WRITES = ("regenerateKey", "updateAccount", "putRoleAssignment", "deleteRoleAssignment")


@dataclass
class Rig:
    """What runs, and what a test asks of it; ``close`` ends everything by its process id."""

    directory: Path
    made: demo.DemoSecrets
    emulator: RunningEmulator
    valkey: RunningValkey
    environ: dict[str, str]
    stores: Stores
    revocations: Revocations
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    apis: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def worker(self, *module: str, **more: str) -> subprocess.Popen[bytes]:
        """Start a worker: the product's, or the module with its arguments."""
        process = self._start("worker.log", module or ("sas_service.cli", "worker"), more)
        self.workers.append(process)
        return process

    def serve(self, port: int | None = None) -> str:
        """Start the API, on a free port unless one is given; returns its address."""
        port = port or free_port()
        process = self._start("api.log", ("sas_service.cli", "serve"), {"SAS_BIND": f"127.0.0.1:{port}"})
        self.apis.append(process)
        url = f"http://127.0.0.1:{port}"
        until(
            lambda: _answers(f"{url}/readyz"),
            lambda: f"the API is ready: {process.poll()} {(self.directory / 'api.log').read_text()[-4000:]}",
            seconds=120,
        )
        return url

    def _start(self, log: str, module: tuple[str, ...], more: dict[str, str]) -> subprocess.Popen[bytes]:
        with (self.directory / log).open("ab") as output:
            environ = {**os.environ, **self.environ, **more}
            return subprocess.Popen([sys.executable, "-m", *module], env=environ, stdout=output, stderr=output)

    def start_run(self, lever: Lever = Lever.BOTH, profile: str = "storefront-web") -> Revocation:
        """Plan and start an emergency."""
        asked = Asked(Reason.KEY_COMPROMISE, Target("profile", (profile,)), Mode.EMERGENCY, lever)
        planned = self.revocations.revoking.plan(asked, ADMIN)
        return self.revocations.revoking.start(planned.id, ADMIN, plan_hash=planned.plan.hash)

    def counters(self) -> Mapping[str, int]:
        """Return how often each operation was asked of Azure."""
        operations: dict[str, int] = self.emulator.control("GET", "counters")["operations"]
        return operations

    def log(self) -> str:
        """Return what the workers said."""
        return (self.directory / "worker.log").read_text()

    def story(self, run: str) -> str:
        """Return where a run stands and what the workers said of it."""
        now = self.stores.journal.read(run)
        sent = [(each.operation, each.name, each.outcome, len(each.sent)) for each in now.intents]
        return f"{now.state} at {now.step}, waiting for {now.waiting_for}, sent {sent}\n{self.log()[-4000:]}"

    def close(self) -> None:
        """End everything."""
        for process in self.apis:
            if process.poll() is None:
                process.terminate()
                process.wait(30)
        for process in self.workers:
            if process.poll() is None:
                process.kill()
                process.wait(10)
        self.stores.mirror.close()
        self.valkey.kill()
        self.emulator.stop()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  our own loopback address
            return bool(answer.status == 200)
    except OSError:
        return False


def start_rig(
    directory: Path,
    *,
    standby: str = "cold",
    change: Callable[[dict[str, Any]], None] | None = None,
    applications: int = 0,
) -> Rig:
    """Start Redis and the emulator with the demo's world; ``change`` may alter the world first."""
    made = demo.DemoSecrets.fresh().with_applications(applications)
    world = demo.world(made)
    if change:
        change(world)
    emulator = start_emulator(directory / "emulator", world)
    valkey = start_valkey(directory / "valkey")
    policy = demo.policy(emulator.url, made.clients)
    for account in policy["accounts"].values():
        account["standby"] = standby
    (directory / "policy.yaml").write_text(yaml.safe_dump(policy))
    (directory / "mirror").mkdir()
    environ = service_environment(
        made, directory=str(directory), redis_url=valkey.url, emulator_url=emulator.url, port=1
    )
    environ = {**environ, **FAST}
    migrations_from(environ).upgrade()
    settings = Settings.from_env(environ)
    stores = build_stores(settings, environ)
    policies = build_policies(settings, stores, None)
    policies.refresh()
    azure = build_azure(settings, policies.current, environ, stores.server)
    revocations = build_revocations(settings, stores, policies, azure, build_accounts(stores, policies))
    assert revocations is not None
    return Rig(directory, made, emulator, valkey, environ, stores, revocations)


def until(condition: Callable[[], object], what: str | Callable[[], str], seconds: float = 40) -> None:
    """Wait until ``condition`` is true; ``what`` says what never happened."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"never: {what if isinstance(what, str) else what()}"
        time.sleep(0.05)


def is_stopped(process: subprocess.Popen[bytes]) -> bool:
    """Tell whether a signal has stopped the process."""
    assert process.poll() is None, "it ended"
    state = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state == "T"


def resume(process: subprocess.Popen[bytes]) -> None:
    """Let it go on."""
    process.send_signal(signal.SIGCONT)
