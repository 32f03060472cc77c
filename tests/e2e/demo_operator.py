"""Whoever operates the demo: calls the management API as the operating identity, and runs the service's commands."""

import json
import os
import re
import subprocess
import sys
from typing import Any
from uuid import uuid4

import requests

from sas_service.demo import world as demo_world
from sas_service.demo.environment import service_environment
from tests.demo_azure import ACCOUNT_ID, GROUP_ID, MAPS_VERSION
from tests.e2e.running_demo import ROOT, RunningDemo

AUTHORIZATION_VERSION = "2022-04-01"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"


class DemoOperator:
    """Uses a running demo from outside."""

    def __init__(self, demo: RunningDemo) -> None:
        self.demo = demo
        self._made = demo_world.DemoSecrets(**json.loads((demo.directory / "secrets.json").read_text()))
        self._bearer = self.access_token("https://management.azure.com")

    def access_token(self, resource: str) -> str:
        """Return an access token of the operating identity."""
        asked = {
            "api-version": "2019-08-01",
            "resource": resource,
            "client_id": demo_world.guid("identity/service-operator"),
        }
        machine = {"X-IDENTITY-HEADER": self._made.identity_header}
        answer = requests.get(f"{self.demo.emulator}/msi/token", params=asked, headers=machine, timeout=10)
        token: str = answer.json()["access_token"]
        return token

    def arm(self, method: str, path: str, body: object = None, *, version: str = MAPS_VERSION) -> Any:
        """Call the management API, which must agree; returns its JSON."""
        answer = requests.request(
            method,
            self.demo.emulator + path,
            params={"api-version": version},
            json=body,
            headers={"Authorization": f"Bearer {self._bearer}"},
            timeout=10,
        )
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def control(self, method: str, path: str, body: object = None) -> None:
        """Call the emulator's control endpoint."""
        answer = requests.request(method, f"{self.demo.emulator}/_emulator/{path}", json=body, timeout=10)
        assert answer.ok, answer.text

    def assign(self, role: str, principal: str, scope: str = ACCOUNT_ID, kind: str = "ServicePrincipal") -> str:
        """Give a principal a role, by its GUID; returns the assignment's id."""
        role_id = (
            f"/subscriptions/{demo_world.SUBSCRIPTION_ID}/providers/Microsoft.Authorization/roleDefinitions/{role}"
        )
        wanted = {"roleDefinitionId": role_id, "principalId": principal, "principalType": kind}
        path = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid4()}"
        made: str = self.arm("PUT", path, {"properties": wanted}, version=AUTHORIZATION_VERSION)["id"]
        return made

    def unassign(self, assignment: str) -> None:
        """Take it away again."""
        self.arm("DELETE", assignment, version=AUTHORIZATION_VERSION)

    def become_owner(self) -> None:
        """Take every right of the resource group, as whoever may write role assignments without a condition can."""
        self.assign(OWNER, demo_world.guid("principal/service-operator"), GROUP_ID)

    def environment(self, **changes: str) -> dict[str, str]:
        """Return the environment of the demo's own processes; an empty text takes a name out."""
        configuration = (self.demo.directory / "redis" / "redis.conf").read_text()
        port = re.search(r"^port (\d+)$", configuration, re.MULTILINE)
        assert port is not None
        ours = service_environment(
            self._made,
            directory=str(self.demo.directory),
            redis_url=f"redis://:{self._made.redis_password}@127.0.0.1:{port[1]}/0",
            emulator_url=self.demo.emulator,
            port=self.demo.port,
        )
        return {name: text for name, text in {**ours, **changes}.items() if text}

    def run(self, *words: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """Run ``sas-service <words>`` to its end."""
        command = [sys.executable, "-m", "sas_service.cli", *words]
        environment = {"PATH": os.environ["PATH"], **self.environment(**changes)}
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
