"""Completes a freshly read world with ids, keys and role GUIDs, and refuses dangling references."""

import base64
import secrets
import uuid
from collections.abc import Iterator

from sas_service.emulator.builtin_roles import BUILTIN_ROLES
from sas_service.emulator.directory import Tenant
from sas_service.emulator.durations import azure_timestamp
from sas_service.emulator.index import IDENTITIES
from sas_service.emulator.scopes import resource_id
from sas_service.emulator.shapes import ShapeError
from sas_service.emulator.world import MapsAccount, ResourceGroup, RoleAssignment, SecretVersion, Subscription, World

DEFAULT_HOSTS = {
    "us.atlas.microsoft.com": "eastus",
    "eu.atlas.microsoft.com": "westeurope",
    "atlas.microsoft.com": "eastus",
}


def new_key() -> str:
    """Return key material as Azure Maps makes it: 43 characters of base64url."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()


def new_id() -> str:
    """Return a fresh GUID."""
    return str(uuid.uuid4())


def complete(world: World, now: float) -> World:
    """Fill in what the world file may leave out; idempotent, so that a state file passes through unchanged."""
    _lower_ids(world)
    _refuse_duplicates(world)
    world.hosts = {**DEFAULT_HOSTS, **{host.lower(): place for host, place in world.hosts.items()}}
    for tenant in world.tenants:
        for application in tenant.applications:
            application.object_id = application.object_id or new_id()
    tenants = {tenant.id for tenant in world.tenants}
    for subscription in world.subscriptions:
        if subscription.tenant not in tenants:
            raise ShapeError(f"subscription {subscription.id}: unknown tenant {subscription.tenant}")
        for group in subscription.resource_groups:
            _complete_group(subscription, group, now)
    for assignment in world.role_assignments:
        _complete_assignment(world, assignment, now)
    _complete_machines(world)
    _complete_vaults(world, now)
    return world


def _lower_ids(world: World) -> None:
    """Write the ids that are compared in one form, so that a world file may copy them from anywhere."""
    for tenant in world.tenants:
        _lower_directory(tenant)
    for subscription in world.subscriptions:
        subscription.id, subscription.tenant = subscription.id.lower(), subscription.tenant.lower()
        for identity in (each for group in subscription.resource_groups for each in group.identities):
            identity.client_id, identity.principal_id = identity.client_id.lower(), identity.principal_id.lower()
    for assignment in world.role_assignments:
        assignment.principal_id = assignment.principal_id.lower()
    for policy in (policy for vault in world.key_vaults for policy in vault.access_policies):
        policy.object_id = policy.object_id.lower()


def _lower_directory(tenant: Tenant) -> None:
    tenant.id = tenant.id.lower()
    for application in tenant.applications:
        application.object_id = application.object_id.lower()
    for user in tenant.users:
        user.object_id = user.object_id.lower()
    for group in tenant.groups:
        group.object_id, group.members = group.object_id.lower(), [member.lower() for member in group.members]
    for given in tenant.app_role_assignments:
        given.principal_id = given.principal_id.lower()


def _refuse_duplicates(world: World) -> None:
    for what, names in _unique_names(world):
        seen: set[str] = set()
        for name in filter(None, map(str.lower, names)):
            if name in seen:
                raise ShapeError(f"the world has two {what} called {name}")
            seen.add(name)


def _unique_names(world: World) -> Iterator[tuple[str, list[str]]]:
    groups = [(each.id, group) for each in world.subscriptions for group in each.resource_groups]
    accounts = [account for _, group in groups for account in group.maps_accounts]
    identities = [identity for _, group in groups for identity in group.identities]
    homes = [(tenant.id, application) for tenant in world.tenants for application in tenant.applications]
    yield "tenants", [tenant.id for tenant in world.tenants]
    yield "subscriptions", [subscription.id for subscription in world.subscriptions]
    yield "resource groups", [f"{subscription}/{group.name}" for subscription, group in groups]
    # An application that serves several tenants has one client id, and a service principal in each.
    yield "applications in one tenant", [f"{tenant}/{application.client_id}" for tenant, application in homes]
    yield "identities with a client id", [identity.client_id for identity in identities]
    principals = [each.object_id for _, each in homes] + [each.principal_id for each in identities]
    yield "service principals", principals
    yield "accounts with a uniqueId", [account.unique_id for account in accounts]
    yield "custom roles", [role.name for role in world.role_definitions]
    yield "key vaults", [vault.name for vault in world.key_vaults]
    yield "machines", [machine.name for machine in world.machines]
    for _, group in groups:
        yield "accounts in one group", [account.name for account in group.maps_accounts]
        yield "identities in one group", [identity.name for identity in group.identities]


def _complete_group(subscription: Subscription, group: ResourceGroup, now: float) -> None:
    for identity in group.identities:
        identity.location = identity.location or group.location
        identity.client_id = identity.client_id or new_id()
        identity.principal_id = identity.principal_id or new_id()
    for account in group.maps_accounts:
        account.identities = [_full_identity_id(subscription, group, name) for name in account.identities]
        complete_account(account, now)


def _full_identity_id(subscription: Subscription, group: ResourceGroup, name: str) -> str:
    if name.startswith("/"):
        return name
    if name not in {identity.name for identity in group.identities}:
        raise ShapeError(f"resource group {group.name}: unknown identity {name}")
    return resource_id(subscription, group, IDENTITIES, name)


def complete_account(account: MapsAccount, now: float) -> None:
    """Give a new account its client id, its keys and its times."""
    account.unique_id = account.unique_id or new_id()
    account.primary_key = account.primary_key or new_key()
    account.secondary_key = account.secondary_key or new_key()
    account.primary_key_last_updated = account.primary_key_last_updated or azure_timestamp(now)
    account.secondary_key_last_updated = account.secondary_key_last_updated or azure_timestamp(now)
    if account.system_assigned:
        account.system_principal_id = account.system_principal_id or new_id()
    if not account.system_data:
        stamp = azure_timestamp(now)
        account.system_data = {
            "createdBy": "world",
            "createdByType": "Application",
            "createdAt": stamp,
            "lastModifiedBy": "world",
            "lastModifiedByType": "Application",
            "lastModifiedAt": stamp,
        }


def _complete_assignment(world: World, assignment: RoleAssignment, now: float) -> None:
    assignment.name = assignment.name or new_id()
    assignment.created_on = assignment.created_on or azure_timestamp(now)
    assignment.role = role_guid(world, assignment.role)


def role_guid(world: World, name_or_guid: str) -> str:
    """Return the GUID of a role given by name, GUID or id."""
    wanted = name_or_guid.rsplit("/", 1)[-1].lower()
    for role in (*BUILTIN_ROLES, *world.role_definitions):
        if wanted in {role.name.lower(), role.role_name.lower()}:
            return role.name.lower()
    raise ShapeError(f"roleAssignments: unknown role {name_or_guid}")


def _complete_machines(world: World) -> None:
    for machine in world.machines:
        machine.identities = [_find_identity(world, machine.name, wanted) for wanted in machine.identities]


def _find_identity(world: World, machine: str, wanted: str) -> str:
    found = [own_id for own_id, names in _identity_names(world) if wanted.lower() in names]
    if len(found) != 1:
        raise ShapeError(f"machine {machine}: {len(found)} identities are called {wanted}")
    return found[0]


def _identity_names(world: World) -> Iterator[tuple[str, set[str]]]:
    for subscription in world.subscriptions:
        for group in subscription.resource_groups:
            for each in group.identities:
                own_id = resource_id(subscription, group, IDENTITIES, each.name)
                names = {own_id.lower(), each.name.lower(), each.client_id.lower(), each.principal_id.lower()}
                yield own_id, names


def _complete_vaults(world: World, now: float) -> None:
    for vault in world.key_vaults:
        for name, value in vault.secrets.items():
            vault.versions.setdefault(name, [SecretVersion(uuid.uuid4().hex, value, int(now), int(now))])
        vault.secrets = {}
