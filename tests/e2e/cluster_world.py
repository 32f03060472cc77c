"""Three accounts on three masters of one cluster: an emulator, the API in this process, a worker of its own."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sas_service.bootstrap.processes import Service, build_api
from sas_service.bootstrap.stores import migrations_from
from sas_service.demo import world as demo
from sas_service.demo.environment import service_environment
from sas_service.worker import start_upkeep
from tests.emulator_process import RunningEmulator, start_emulator
from tests.integration.worker.world import FAST
from tests.valkey_cluster import RunningCluster, start_cluster

ACCOUNTS = ("maps-demo", "maps-east", "maps-other")
"""On the first, second and third master; the service's own stream is on the second."""

PROFILES = {"maps-demo": "storefront-web", "maps-east": "web-east", "maps-other": "web-other"}


@dataclass
class ClusterWorld:
    """What runs, and what a test asks of it."""

    directory: Path
    cluster: RunningCluster
    emulator: RunningEmulator
    environ: dict[str, str]
    made: demo.DemoSecrets
    service: Service
    client: FlaskClient
    worker: subprocess.Popen[bytes]
    _bearers: dict[str, str] = field(default_factory=dict)

    def call(self, method: str, path: str, client: str = "storefront", **more: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self._bearer(client)}", **more.pop("headers", {})}
        return self.client.open(path, method=method, headers=headers, **more)

    def issue(self, account: str) -> TestResponse:
        return self.call("POST", "/v1/tokens", json={"profile": PROFILES[account]})

    def log(self) -> str:
        return (self.directory / "worker.log").read_text()

    def _bearer(self, client: str) -> str:
        if client not in self._bearers:
            form = {
                "grant_type": "client_credentials",
                "client_id": demo.guid(f"client/{client}"),
                "client_secret": self.made.clients[client],
                "scope": f"{demo.APPLICATION_ID_URI}/.default",
            }
            answer = requests.post(f"{self.emulator.url}/{demo.TENANT_ID}/oauth2/v2.0/token", data=form, timeout=10)
            self._bearers[client] = answer.json()["access_token"]
        return self._bearers[client]


@contextmanager
def cluster_world(directory: Path) -> Iterator[ClusterWorld]:
    """Start everything, and end it by process ids whatever happens."""
    made, stop = demo.DemoSecrets.fresh(), threading.Event()
    emulator = start_emulator(directory / "emulator", _world(made))
    try:
        cluster = start_cluster(directory / "cluster")
        try:
            environ = _environment(directory, cluster, emulator, made)
            migrations_from(environ).upgrade()
            with pytest.MonkeyPatch.context() as patched, (directory / "worker.log").open("ab") as log:
                # azure-identity looks there.
                for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
                    patched.setenv(name, environ[name])
                service, app = build_api(environ)
                upkeep = start_upkeep(service, stop)
                command = [sys.executable, "-m", "sas_service.cli", "worker"]
                worker = subprocess.Popen(command, env={**os.environ, **environ}, stdout=log, stderr=log)
                try:
                    client = app.test_client()
                    yield ClusterWorld(directory, cluster, emulator, environ, made, service, client, worker)
                finally:
                    worker.kill()
                    worker.wait(10)
                    stop.set()
                    upkeep.join(15)
                    service.close()
        finally:
            cluster.stop()
    finally:
        emulator.stop()


def until(condition: Callable[[], object], what: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.1)


def _environment(
    directory: Path, cluster: RunningCluster, emulator: RunningEmulator, made: demo.DemoSecrets
) -> dict[str, str]:
    (directory / "policy.yaml").write_text(yaml.safe_dump(_policy(emulator.url)))
    (directory / "mirror").mkdir()
    ours = service_environment(made, directory=str(directory), redis_url=cluster.url, emulator_url=emulator.url, port=1)
    return {
        **ours,
        **FAST,
        "SAS_REDIS_CLUSTER": "true",
        "SAS_REDIS_CLUSTER_NODES": cluster.addresses,
        "SAS_REDIS_TIMEOUT": "PT1S",
        "SAS_POLICY_POLL": "PT1S",
        "SAS_REVOCATION_ROLE_PROPAGATION": "PT1S",
    }


def _world(made: demo.DemoSecrets) -> dict[str, Any]:
    world = demo.world(made)
    (group,) = world["subscriptions"][0]["resourceGroups"]
    (first,) = group["mapsAccounts"]
    (scope,) = {each["scope"] for each in world["roleAssignments"] if each["scope"].endswith(f"/{demo.ACCOUNT}")}
    for account in ACCOUNTS[1:]:
        names = _identities(account)
        group["identities"] += [
            {"name": name, "clientId": demo.guid(f"identity/{name}"), "principalId": demo.guid(f"principal/{name}")}
            for name in names
        ]
        group["mapsAccounts"].append(
            {**first, "name": account, "uniqueId": demo.guid(account), "identities": list(names)}
        )
        roles = {"service-issuer": "Maps SAS Issuer", **dict.fromkeys(names, demo.DATA_ROLE)}
        world["roleAssignments"] += [
            {
                "scope": scope.removesuffix(demo.ACCOUNT) + account,
                "principalId": demo.guid(f"principal/{name}"),
                "role": role,
                "principalType": "ServicePrincipal",
            }
            for name, role in roles.items()
        ]
    return world


def _policy(emulator_url: str) -> Mapping[str, Any]:
    policy = demo.policy(emulator_url)
    for account in ACCOUNTS[1:]:
        names, profile = _identities(account), PROFILES[account]
        identities = {name: demo.identity_resource_id(name) for name in names}
        policy["accounts"][account] = {**policy["accounts"][demo.ACCOUNT], "identities": identities}
        policy["profiles"][profile] = {
            **policy["profiles"]["storefront-web"],
            "account": account,
            "identities": list(names),
            "regions": list(demo.REGIONS),
        }
        policy["teams"]["storefront"]["profiles"].append(profile)
    # Copies: YAML would write what occurs twice as an alias.
    copied: Mapping[str, Any] = yaml.safe_load(yaml.dump(policy, Dumper=_NoAliases))
    return {
        name: ({key: dict(each) for key, each in part.items()} if isinstance(part, dict) else part)
        for name, part in copied.items()
    }


class _NoAliases(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


def _identities(account: str) -> tuple[str, str]:
    return f"{PROFILES[account]}-a", f"{PROFILES[account]}-b"
