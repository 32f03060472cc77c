"""The demo world's Azure without the service around it: an emulator, and the operating identity's way to it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from sas_service.adapters.azure.credentials import CredentialChoice, CredentialKind, build_credential
from sas_service.adapters.azure.prefetched_credential import PrefetchedCredential
from sas_service.adapters.azure.transport import Outbound
from sas_service.adapters.policy_file import load_policy
from sas_service.demo import world as demo_world
from sas_service.domain.policy import Policy
from tests.emulator_process import RunningEmulator, start_emulator

GROUP_ID = f"/subscriptions/{demo_world.SUBSCRIPTION_ID}/resourceGroups/{demo_world.RESOURCE_GROUP}"
ACCOUNT_ID = f"{GROUP_ID}/providers/Microsoft.Maps/accounts/{demo_world.ACCOUNT}"
MAPS_VERSION = "2023-06-01"


@dataclass
class DemoAzure:
    """A running emulator; ``patch`` and ``show`` speak to its management API without any of our adapters."""

    emulator: RunningEmulator
    outbound: Outbound
    policy: Policy

    def credential(self, identity: str = "service-operator") -> PrefetchedCredential:
        """Return the credential of one of the service's own identities."""
        choice = CredentialChoice(CredentialKind.MANAGED_IDENTITY, client_id=demo_world.guid(f"identity/{identity}"))
        return PrefetchedCredential(lambda: build_credential(choice, self.outbound))

    def arm(self, method: str, path: str, body: object = None, *, version: str = MAPS_VERSION) -> requests.Response:
        """Call the management API as the operator."""
        return requests.request(
            method,
            self.emulator.url + path,
            params={"api-version": version},
            json=body,
            headers={"Authorization": f"Bearer {self.credential().bearer()}"},
            timeout=10,
        )

    def show(self) -> dict[str, Any]:
        """Return the account."""
        answer = self.arm("GET", ACCOUNT_ID)
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    def patch(self, body: object) -> None:
        """Change the account."""
        answer = self.arm("PATCH", ACCOUNT_ID, body)
        assert answer.status_code == 200, answer.text

    def counted(self, operation: str) -> int:
        """Return how often an operation was called."""
        return int(self.emulator.control("GET", "counters")["operations"].get(operation, 0))


@contextmanager
def demo_azure(directory: Path, *, groups: Iterable[dict[str, Any]] = ()) -> Iterator[DemoAzure]:
    """Start the demo world's emulator, with ``groups`` in its directory, and end it."""
    made = demo_world.DemoSecrets.fresh()
    world = demo_world.world(made)
    world["tenants"][0]["groups"] = list(groups)
    running = start_emulator(directory, world)
    outbound = Outbound(connect_timeout=2, read_timeout=5)
    try:
        file = directory / "policy.yaml"
        file.write_text(yaml.safe_dump(demo_world.policy(running.url)))
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("IDENTITY_ENDPOINT", f"{running.url}/msi/token")
            environment.setenv("IDENTITY_HEADER", made.identity_header)
            yield DemoAzure(running, outbound, load_policy(file))
    finally:
        outbound.close()
        running.stop()
