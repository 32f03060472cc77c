"""What revocations pull at, as the twins in memory and as the real adapters before the emulator."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sas_service.adapters.azure.account_identities import AzureAccountIdentities
from sas_service.adapters.azure.account_keys import AzureAccountKeys
from sas_service.adapters.azure.attempts import Patience
from sas_service.adapters.azure.data_plane import AzureDataPlane, ProbeTimeouts
from sas_service.adapters.azure.identity_roles import AzureIdentityRoles
from sas_service.adapters.azure.local_auth import AzureLocalAuth
from sas_service.adapters.azure.maps_account import AzureMapsAccount
from sas_service.adapters.memory import (
    MemoryAccountIdentities,
    MemoryAccountKeys,
    MemoryAzure,
    MemoryClock,
    MemoryDataPlane,
    MemoryIdentityRoles,
    MemoryLocalAuth,
    SigningTwin,
)
from sas_service.adapters.memory.azure import principal_of
from sas_service.demo import world as demo_world
from sas_service.domain.slots import SigningKey
from sas_service.domain.tokens import SasToken
from sas_service.ports import AccountIdentities, AccountKeys, DataPlane, IdentityRoles, LocalAuth
from tests.demo_azure import ACCOUNT_ID, DemoAzure
from tests.unit.adapters_azure.azure_world import grant

ACCOUNT, DATA_ROLE = demo_world.ACCOUNT, demo_world.DATA_ROLE
A, B = "storefront-web-a", "storefront-web-b"
GROUP = demo_world.guid("group/map-readers")
"""A group in the directory; A is its one member."""

PEPPER = b"pepper of the tests, 32 bytes or"
PATIENCE = Patience(deadline=4.0, read=1.0)
ASSIGNMENTS = "providers/Microsoft.Authorization/roleAssignments"
AUTHORIZATION = "2022-04-01"
DATA_READER = "423170ca-a8f6-4b0f-8487-9e4eb8f49bfa"


@dataclass
class Levers:
    """One Azure behind the four ports; ``delay`` names the twins' operations."""

    keys: AccountKeys
    identities: AccountIdentities
    roles: IdentityRoles
    data_plane: DataPlane
    local_auth: LocalAuth
    host: str
    principal: Callable[[str], str]
    sign: Callable[[SigningKey, str], SasToken]
    delay: Callable[[str, timedelta], None]
    wait: Callable[[timedelta], object]

    def status(self, token: SasToken) -> int:
        return self.data_plane.probe(ACCOUNT, self.host, token).status


def twins() -> Levers:
    clock = MemoryClock()
    azure = MemoryAzure(clock, ACCOUNT, tuple(demo_world.identity_names()))
    for name in demo_world.identity_names():
        azure.set_up(name, DATA_ROLE)

    def sign(key: SigningKey, identity: str) -> SasToken:
        return SigningTwin(azure).sign(_grant(key, principal_of(identity), clock.now()), request_id="r").token

    return Levers(
        keys=MemoryAccountKeys(azure),
        identities=MemoryAccountIdentities(azure),
        roles=MemoryIdentityRoles(azure),
        data_plane=MemoryDataPlane(azure),
        local_auth=MemoryLocalAuth(azure),
        host="https://atlas.example",
        principal=principal_of,
        sign=sign,
        delay=azure.delays.__setitem__,
        wait=clock.advance,
    )


_DELAYS = {
    "regenerate": "keyRegenerate",
    "attach": "identityAttach",
    "detach": "identityDetach",
    "assign": "roleAdd",
    "remove": "roleRemove",
    "localAuth": "disableLocalAuth",
}


def real(azure: DemoAzure, identity: str = "service-operator") -> Levers:
    own = way(azure, identity)

    def delay(operation: str, by: timedelta) -> None:
        wanted = {_DELAYS[operation]: f"PT{int(by.total_seconds())}S"}
        azure.emulator.control("PATCH", "settings", {"propagation": wanted})

    def wait(by: timedelta) -> None:
        azure.emulator.control("POST", "clock", {"advance": f"PT{int(by.total_seconds())}S"})

    return Levers(
        keys=AzureAccountKeys(pepper=PEPPER, patience=PATIENCE, **own),
        identities=AzureAccountIdentities(patience=PATIENCE, **own),
        roles=AzureIdentityRoles(patience=PATIENCE, **own),
        data_plane=AzureDataPlane(
            accounts=own["accounts"], outbound=azure.outbound, timeouts=ProbeTimeouts(connect=1.0, read=1.0)
        ),
        local_auth=AzureLocalAuth(patience=PATIENCE, **own),
        host=azure.emulator.url,
        principal=lambda name: demo_world.guid(f"principal/{name}"),
        sign=lambda key, name: sign(azure, key, name),
        delay=delay,
        wait=wait,
    )


def way(azure: DemoAzure, identity: str = "service-operator", base_url: str | None = None) -> dict[str, Any]:
    return {
        "accounts": azure.policy.accounts.__getitem__,
        "credential": azure.credential(identity),
        "outbound": azure.outbound,
        "base_url": base_url or azure.emulator.url,
    }


def sign(azure: DemoAzure, key: SigningKey, identity: str, regions: tuple[str, ...] | None = ("eastus",)) -> SasToken:
    now = datetime.fromtimestamp(float(azure.emulator.control("GET", "clock")["epoch"]), UTC)
    wanted = _grant(key, demo_world.guid(f"principal/{identity}"), now, regions)
    return AzureMapsAccount(**way(azure, "service-issuer")).sign(wanted, request_id="request-1").token


def _grant(key: SigningKey, principal: str, now: datetime, regions: tuple[str, ...] | None = ("eastus",)) -> Any:
    now = now.replace(microsecond=0)
    return grant(
        account=ACCOUNT,
        signing_key=key,
        principal_id=principal,
        regions=regions,
        start=now - timedelta(minutes=1),
        expiry=now + timedelta(hours=2),
    )


def identity_patch(kind: str, named: Mapping[str, object]) -> dict[str, object]:
    return {"identity": {"type": kind, "userAssignedIdentities": dict(named)}}


def restore(azure: DemoAzure) -> None:
    """Attach what the demo world has attached, and nothing else, and give each its role, and nothing else."""
    ours: dict[str, object] = {demo_world.identity_resource_id(name): {} for name in demo_world.identity_names()}
    shown = (azure.show().get("identity") or {}).get("userAssignedIdentities") or {}
    foreign = {own_id: None for own_id in shown if own_id.lower() not in {each.lower() for each in ours}}
    azure.patch({**identity_patch("UserAssigned", {**ours, **foreign}), "properties": {"disableLocalAuth": False}})
    for name in demo_world.identity_names():
        _restore_role(azure, demo_world.guid(f"principal/{name}"))


def _restore_role(azure: DemoAzure, principal: str) -> None:
    listed = azure.arm("GET", f"{ACCOUNT_ID}/{ASSIGNMENTS}?$filter=principalId eq '{principal}'", version=AUTHORIZATION)
    found = listed.json()["value"]
    for extra in found[1:]:
        azure.arm("DELETE", extra["id"], version=AUTHORIZATION)
    if not found:
        assign(azure, ACCOUNT_ID, principal)


def assign(azure: DemoAzure, scope: str, principal: str, role: str = DATA_READER) -> str:
    """Give a role under a name of its own, as a person in the portal would; returns the assignment's id."""
    definition = f"/providers/Microsoft.Authorization/roleDefinitions/{role}"
    wanted = {"roleDefinitionId": definition, "principalId": principal}
    answer = azure.arm("PUT", f"{scope}/{ASSIGNMENTS}/{uuid4()}", {"properties": wanted}, version=AUTHORIZATION)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])
