"""A lockdown through the real wiring: Valkey, the emulated Azure, and tokens of which the service knows nothing."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sas_service.adapters.azure.maps_clients import maps_clients
from sas_service.bootstrap.processes import Service, build_service
from sas_service.bootstrap.revocation import Revocations
from sas_service.demo import world as demo_world
from sas_service.demo.environment import service_environment
from sas_service.domain.callers import Caller, Role
from sas_service.domain.errors import AccountLocked, ReleaseRefused
from sas_service.domain.lockdowns import Lockdown, LockdownState
from sas_service.domain.revocations import Reason
from sas_service.domain.slots import SigningKey
from sas_service.domain.tokens import SasToken
from tests.contract.ports.world import record, reservation
from tests.demo_azure import DemoAzure, demo_azure
from tests.valkey_process import start_valkey

ACCOUNT = demo_world.ACCOUNT
ADMIN = Caller("tenant", "admin", "admin", "application", frozenset({Role.REVOCATIONS_MANAGE}))


@dataclass
class Deployment:
    azure: DemoAzure
    service: Service
    revocations: Revocations

    def mint(self, key: SigningKey) -> SasToken:
        """Sign directly through azure-mgmt-maps, as somebody with the right to List SAS could."""
        clients = maps_clients(self.azure.credential("service-issuer"), self.azure.outbound, self.azure.emulator.url)
        now = datetime.now(UTC)
        body = {
            "signingKey": key.value,
            "principalId": demo_world.guid("principal/storefront-web-a"),
            "regions": ["eastus"],
            "maxRatePerSecond": 10,
            "start": f"{now - timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}",
            "expiry": f"{now + timedelta(days=300):%Y-%m-%dT%H:%M:%SZ}",
        }
        client = clients.get(demo_world.SUBSCRIPTION_ID)
        raw: Any = json.dumps(body).encode()
        answer = client.accounts.list_sas(demo_world.RESOURCE_GROUP, ACCOUNT, raw)
        return SasToken(str(answer.account_sas_token))

    def status(self, token: SasToken) -> int:
        return self.revocations.world.data_plane.probe(ACCOUNT, self.azure.emulator.url, token).status

    def until(self, *states: LockdownState) -> Lockdown:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            self.revocations.lockdown_runner.tick(ACCOUNT)
            (newest, *_) = self.service.stores.lockdowns.of(ACCOUNT)
            if newest.state in states:
                return newest
            time.sleep(1.05)  # a canary may be asked about once a second
        raise AssertionError(f"{newest.state} at {newest.step}: {newest.missing}")

    def reserve(self) -> None:
        epoch = self.service.stores.slots.read(ACCOUNT).epoch
        drafted = record(datetime.now(UTC), profile="storefront-web", identity="storefront-web-a", epoch=epoch)
        self.service.stores.audit_log.reserve(reservation(drafted))


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    valkey = start_valkey(tmp_path / "valkey")
    try:
        with demo_azure(tmp_path) as azure:
            environ = service_environment(
                demo_world.DemoSecrets.fresh(),
                directory=str(tmp_path),
                redis_url=valkey.url,
                emulator_url=azure.emulator.url,
                port=1,
            )
            service = build_service(
                {**environ, "SAS_REVOCATION_PROOF_SPAN": "PT1S", "SAS_REVOCATION_PROOF_ROUNDS": "2"}
            )
            service.stores.migrations.upgrade()
            service.upkeep()
            assert service.revocations is not None
            yield Deployment(azure, service, service.revocations)
            service.close()
    finally:
        valkey.stop()


def test_tokens_minted_outside_are_dead_after_the_release(deployment: Deployment) -> None:
    outside = [deployment.mint(key) for key in SigningKey]
    assert [deployment.status(token) for token in outside] == [200, 200]
    locking = deployment.revocations.locking_down
    deployment.reserve()
    locking.lock(ACCOUNT, ADMIN, reason=Reason.KEY_COMPROMISE, comment=None, request_id="r")
    with pytest.raises(AccountLocked):
        deployment.reserve()
    with pytest.raises(ReleaseRefused) as refused:
        locking.release(ACCOUNT, ADMIN, request_id="r")
    assert {each.rule for each in refused.value.violations} == {"lockdown.keys"}
    locked = deployment.until(LockdownState.LOCKED)
    assert locked.record("prove-refused").evidence["proven"] is True
    assert deployment.azure.show()["properties"]["disableLocalAuth"] is True
    assert deployment.azure.counted("regenerateKey") == 2
    assert [deployment.status(token) for token in outside] == [401, 401]
    locking.release(ACCOUNT, ADMIN, request_id="r")
    deployment.until(LockdownState.RELEASED)
    assert deployment.azure.show()["properties"]["disableLocalAuth"] is False
    assert deployment.azure.show()["kind"] == "Gen2"
    assert [deployment.status(token) for token in outside] == [401, 401]
    assert deployment.status(deployment.mint(deployment.service.stores.slots.read(ACCOUNT).signing_key)) == 200
    deployment.reserve()


def test_a_release_that_did_not_wait_for_the_keys_would_revive_them(deployment: Deployment) -> None:
    """The control: local authentication switched off and on again, without what the lockdown does in between."""
    token = deployment.mint(SigningKey.PRIMARY)
    local_auth = deployment.revocations.world.local_auth
    local_auth.set(ACCOUNT, disabled=True, request_id="r")
    assert deployment.status(token) == 401
    local_auth.set(ACCOUNT, disabled=False, request_id="r")
    assert deployment.status(token) == 200
