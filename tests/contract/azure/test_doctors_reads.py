"""What the doctor reads through the operating identity: locks over an account, roles with their power, locations."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from sas_service.adapters.azure.managed_identities import AzureManagedIdentities
from sas_service.adapters.azure.management_locks import AzureManagementLocks
from sas_service.adapters.azure.role_assignments import AzureRoleAssignments
from sas_service.adapters.memory import MemoryManagedIdentities, MemoryManagementLocks, MemoryRoleAssignments
from sas_service.demo import world as demo_world
from sas_service.domain.errors import AzureRefused
from sas_service.ports import ManagedIdentities, ManagementLock, ManagementLocks, RoleAssignments
from tests.demo_azure import ACCOUNT_ID, GROUP_ID, DemoAzure

OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
LOCKS = "providers/Microsoft.Authorization/locks"
ACCOUNT, PRINCIPAL = demo_world.ACCOUNT, demo_world.guid("principal/storefront-web-a")


def test_every_twin_is_its_port() -> None:
    ports: tuple[ManagementLocks, RoleAssignments, ManagedIdentities] = (
        MemoryManagementLocks(),
        MemoryRoleAssignments({}),
        MemoryManagedIdentities({}),
    )
    assert ports[0].over(ACCOUNT) == ()
    assert ports[1].effective(ACCOUNT, PRINCIPAL) == ()
    with pytest.raises(AzureRefused):
        ports[2].location("/id/nobody")


def locks_of(azure: DemoAzure, identity: str = "service-operator") -> AzureManagementLocks:
    return AzureManagementLocks(
        accounts=azure.policy.accounts.__getitem__,
        credential=azure.credential(identity),
        outbound=azure.outbound,
        base_url=azure.emulator.url,
    )


@pytest.fixture
def lockable(azure: DemoAzure) -> Iterator[DemoAzure]:
    """The operator owns the group meanwhile, because only owners may lock; all locks are gone afterwards."""
    path = f"{GROUP_ID}/providers/Microsoft.Authorization/roleAssignments/{uuid4()}"
    role = f"/providers/Microsoft.Authorization/roleDefinitions/{OWNER}"
    wanted = {"roleDefinitionId": role, "principalId": demo_world.guid("principal/service-operator")}
    assert azure.arm("PUT", path, {"properties": wanted}, version="2022-04-01").status_code == 201
    yield azure
    for lock in azure.arm("GET", f"{GROUP_ID}/{LOCKS}", version="2016-09-01").json()["value"]:
        azure.arm("DELETE", lock["id"], version="2016-09-01")
    azure.arm("DELETE", path, version="2022-04-01")


def lock(azure: DemoAzure, scope: str, level: str) -> None:
    path = f"{scope}/{LOCKS}/lock-{uuid4()}"
    answer = azure.arm("PUT", path, {"properties": {"level": level}}, version="2016-09-01")
    assert answer.status_code == 201, answer.text


def test_locks_at_the_account_and_above_it_are_seen_and_others_not(lockable: DemoAzure) -> None:
    locks = locks_of(lockable)
    assert locks.over(ACCOUNT) == ()
    lock(lockable, f"{GROUP_ID}/providers/Microsoft.Maps/accounts/{ACCOUNT}-two", "ReadOnly")
    lock(lockable, f"{ACCOUNT_ID}/creators/below", "ReadOnly")
    assert locks.over(ACCOUNT) == ()
    lock(lockable, GROUP_ID, "CanNotDelete")
    lock(lockable, ACCOUNT_ID, "ReadOnly")
    assert set(locks.over(ACCOUNT)) == {ManagementLock(GROUP_ID, False), ManagementLock(ACCOUNT_ID, True)}


def test_the_issuer_may_not_see_locks(azure: DemoAzure) -> None:
    with pytest.raises(AzureRefused) as refused:
        locks_of(azure, "service-issuer").over(ACCOUNT)
    assert refused.value.extra["code"] == "AuthorizationFailed"


def test_a_role_comes_with_its_data_actions(azure: DemoAzure) -> None:
    roles = AzureRoleAssignments(
        accounts=azure.policy.accounts.__getitem__,
        credential=azure.credential(),
        outbound=azure.outbound,
        base_url=azure.emulator.url,
    )
    (role,) = roles.effective(ACCOUNT, PRINCIPAL)
    assert (role.role_name, role.inherited) == (demo_world.DATA_ROLE, False)
    assert role.data_actions == ("Microsoft.Maps/accounts/*/read",)
    (operating,) = roles.effective(ACCOUNT, demo_world.guid("principal/service-operator"))
    assert (operating.data_actions, operating.inherited) == ((), True)


def test_identities_are_where_they_are(azure: DemoAzure) -> None:
    identities = AzureManagedIdentities(
        credential=azure.credential(), outbound=azure.outbound, base_url=azure.emulator.url
    )
    assert identities.location(demo_world.identity_resource_id("storefront-web-a")) == demo_world.LOCATION
    with pytest.raises(AzureRefused):
        identities.location(demo_world.identity_resource_id("nobody"))
