"""One emulator with its sample world, and our adapters pointed at it as they would be at Azure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from sas_service.adapters.azure.attempts import Attempts, Patience
from sas_service.adapters.azure.credentials import CredentialChoice, CredentialKind, build_credential
from sas_service.adapters.azure.maps_account import AzureMapsAccount
from sas_service.adapters.azure.prefetched_credential import PrefetchedCredential
from sas_service.adapters.azure.role_assignments import AzureRoleAssignments
from sas_service.adapters.azure.transport import Outbound
from sas_service.domain.policy import Account
from tests.emulator_process import RunningEmulator, start_emulator

TENANT = "72f988bf-0000-4000-8000-000000000001"
ISSUER = "e0000000-0000-4000-8000-000000000001"
OWNER = ("a0000000-0000-4000-8000-000000000003", "owner-secret")
STOREFRONT = ("a0000000-0000-4000-8000-000000000002", "storefront-secret")
SUBSCRIPTION = "d0000000-0000-4000-8000-000000000001"
WEB_A = "e0000000-0000-4000-8000-0000000000a2"
WEB_B = "e0000000-0000-4000-8000-0000000000a3"
IDENTITIES = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/maps-rg/providers/Microsoft.ManagedIdentity"
ACCOUNT = Account(
    name="maps-demo",
    subscription=SUBSCRIPTION,
    resource_group="maps-rg",
    resource_name="maps-sample",
    hosts=("127.0.0.1",),
    platform_ceiling=timedelta(days=365),
    identities={
        "a": f"{IDENTITIES}/userAssignedIdentities/maps-web-a",
        "b": f"{IDENTITIES}/userAssignedIdentities/maps-web-b",
    },
)
SAMPLE_WORLD = Path(__file__).parents[3] / "sas_service/emulator/sample_world.yaml"


def sample_world() -> dict[str, Any]:
    world: dict[str, Any] = yaml.safe_load(SAMPLE_WORLD.read_text())
    return world


@dataclass
class Azure:
    """The emulator as our adapters see it."""

    emulator: RunningEmulator
    outbound: Outbound

    def credential(self, choice: CredentialChoice | None = None) -> PrefetchedCredential:
        chosen = choice or CredentialChoice(CredentialKind.MANAGED_IDENTITY, client_id=ISSUER)
        return PrefetchedCredential(lambda: build_credential(chosen, self.outbound))

    def owner(self) -> PrefetchedCredential:
        client, secret = OWNER
        return self.credential(
            CredentialChoice(
                CredentialKind.CLIENT_SECRET,
                client_id=client,
                tenant_id=TENANT,
                client_secret=secret,
                authority=self.emulator.url,
            )
        )

    def account(self, credential: PrefetchedCredential | None = None, **changes: Any) -> AzureMapsAccount:
        patience = Patience(deadline=6.0, read=2.0)
        return AzureMapsAccount(
            accounts=lambda _name: ACCOUNT,
            credential=credential or self.credential(),
            outbound=self.outbound,
            base_url=self.emulator.url,
            patience=patience,
            attempts=Attempts(patience, **changes),
        )

    def roles(self) -> AzureRoleAssignments:
        return AzureRoleAssignments(
            accounts=lambda _name: ACCOUNT,
            credential=self.owner(),
            outbound=self.outbound,
            base_url=self.emulator.url,
        )

    def counted(self, operation: str) -> int:
        operations = self.emulator.control("GET", "counters")["operations"]
        return int(operations.get(operation, 0))

    def bearer(self, client: tuple[str, str] = STOREFRONT, version: str = "v2.0/", **form: str) -> str:
        """Ask for a caller's token as a team's backend does."""
        wanted = {"scope": "api://sas-service/.default"} if version else {"resource": "api://sas-service"}
        answer = requests.post(
            f"{self.emulator.url}/{TENANT}/oauth2/{version}token",
            data={
                "grant_type": "client_credentials",
                "client_id": client[0],
                "client_secret": client[1],
                **wanted,
                **form,
            },
            timeout=10,
        )
        assert answer.ok, answer.text
        token: str = answer.json()["access_token"]
        return token


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    running = start_emulator(tmp_path_factory.mktemp("emulator"), sample_world())
    yield running
    running.stop()


@pytest.fixture
def azure_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[RunningEmulator], Azure]]:
    pools: list[Outbound] = []

    def connect(running: RunningEmulator) -> Azure:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{running.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "sample-identity-header")
        certificate = str(running.certificate) if running.certificate else None
        pools.append(Outbound(connect_timeout=2, read_timeout=5, ca_bundle=certificate))
        return Azure(running, pools[-1])

    yield connect
    for pool in pools:
        pool.close()


@pytest.fixture
def azure(emulator: RunningEmulator, azure_at: Callable[[RunningEmulator], Azure]) -> Iterator[Azure]:
    yield azure_at(emulator)
    emulator.control("DELETE", "faults")
