"""The world as it is effective at one moment: lookups by id, and keys, roles and identities after propagation."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from sas_service.emulator.builtin_roles import BUILTIN_ROLES
from sas_service.emulator.directory import Application, Tenant
from sas_service.emulator.scopes import Placed, canonical, resource_id
from sas_service.emulator.world import (
    KeyVault,
    ManagedIdentity,
    ManagementGroup,
    MapsAccount,
    ResourceGroup,
    RoleAssignment,
    RoleDefinition,
    Subscription,
    World,
)

MAPS = "Microsoft.Maps/accounts"
IDENTITIES = "Microsoft.ManagedIdentity/userAssignedIdentities"


@dataclass(frozen=True)
class Principal:
    """Someone who can hold a role: a user, a group or a service principal."""

    object_id: str
    kind: str
    name: str
    tenant: str
    client_id: str = ""


@dataclass(frozen=True)
class LiveAccount:
    """What the data plane knows of an account right now."""

    placed: Placed[MapsAccount]
    keys: tuple[tuple[str, str], ...]
    local_auth_disabled: bool
    principals: frozenset[str]
    identity_keys: dict[str, str]


@dataclass
class Index:
    """Lookups that hold until the world changes or valid_until has come."""

    version: int
    valid_until: float = math.inf
    tenants: dict[str, Tenant] = field(default_factory=dict)
    applications: dict[tuple[str, str], Application] = field(default_factory=dict)
    principals: dict[str, Principal] = field(default_factory=dict)
    groups_of: dict[str, frozenset[str]] = field(default_factory=dict)
    management_groups: dict[str, ManagementGroup] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    resource_groups: dict[tuple[str, str], tuple[Subscription, ResourceGroup]] = field(default_factory=dict)
    identities: dict[str, Placed[ManagedIdentity]] = field(default_factory=dict)
    accounts: dict[str, Placed[MapsAccount]] = field(default_factory=dict)
    live_accounts: dict[str, LiveAccount] = field(default_factory=dict)
    vaults: dict[str, KeyVault] = field(default_factory=dict)
    roles: dict[str, RoleDefinition] = field(default_factory=dict)
    assignments: dict[str, list[RoleAssignment]] = field(default_factory=dict)
    permissions: dict[tuple[str, str, str, bool], bool] = field(default_factory=dict)

    def identity_of(self, principal_id: str) -> Placed[ManagedIdentity] | None:
        """Return the managed identity with this object id."""
        return next((each for each in self.identities.values() if each.item.principal_id == principal_id), None)


def build(world: World, version: int, now: float) -> Index:
    """Look at the world at one moment."""
    index = Index(version)
    index.management_groups = {group.name.lower(): group for group in world.management_groups}
    index.vaults = {vault.name.lower(): vault for vault in world.key_vaults}
    index.roles = {role.name.lower(): role for role in (*BUILTIN_ROLES, *world.role_definitions)}
    for tenant in world.tenants:
        _add_tenant(index, tenant)
    for subscription in world.subscriptions:
        _add_subscription(index, subscription)
    for unique_id, placed in [(each.item.unique_id, each) for each in index.accounts.values()]:
        index.live_accounts[unique_id.lower()] = _live(index, placed, now)
    _add_memberships(index, world)
    _add_assignments(index, world, now)
    return index


def _add_tenant(index: Index, tenant: Tenant) -> None:
    index.tenants[tenant.id.lower()] = tenant
    for application in tenant.applications:
        index.applications[tenant.id.lower(), application.client_id.lower()] = application
        for uri in application.identifier_uris:
            index.applications[tenant.id.lower(), uri.lower()] = application
        index.principals[application.object_id] = Principal(
            application.object_id, "ServicePrincipal", application.display_name, tenant.id, application.client_id
        )
    for user in tenant.users:
        index.principals[user.object_id] = Principal(user.object_id, "User", user.display_name, tenant.id)
    for group in tenant.groups:
        index.principals[group.object_id] = Principal(group.object_id, "Group", group.display_name, tenant.id)


def _add_subscription(index: Index, subscription: Subscription) -> None:
    index.subscriptions[subscription.id.lower()] = subscription
    for group in subscription.resource_groups:
        index.resource_groups[subscription.id.lower(), group.name.lower()] = (subscription, group)
        for identity in group.identities:
            own_id = resource_id(subscription, group, IDENTITIES, identity.name)
            index.identities[canonical(own_id)] = Placed(own_id, subscription, group, identity)
            index.principals[identity.principal_id] = Principal(
                identity.principal_id, "ServicePrincipal", identity.name, subscription.tenant, identity.client_id
            )
        for account in group.maps_accounts:
            own_id = resource_id(subscription, group, MAPS, account.name)
            index.accounts[canonical(own_id)] = Placed(own_id, subscription, group, account)
            if account.system_principal_id:
                index.principals[account.system_principal_id] = Principal(
                    account.system_principal_id, "ServicePrincipal", account.name, subscription.tenant
                )


def _live(index: Index, placed: Placed[MapsAccount], now: float) -> LiveAccount:
    account = placed.item
    keys = [("primaryKey", account.primary_key), ("secondaryKey", account.secondary_key)]
    keys += [(old.slot, old.key) for old in account.retired_keys if _until(index, now, old.until)]
    disabled = account.disable_local_auth
    if account.local_auth_before is not None and _until(index, now, account.local_auth_settles_at):
        disabled = account.local_auth_before
    principals = {each.item.principal_id for each in _attached(index, account, now)}
    if account.system_assigned:
        principals.add(account.system_principal_id)
    return LiveAccount(placed, tuple(keys), disabled, frozenset(principals), dict(account.identity_keys))


def _attached(index: Index, account: MapsAccount, now: float) -> Iterator[Placed[ManagedIdentity]]:
    for own_id in account.identities:
        identity = index.identities.get(canonical(own_id))
        if identity and not _until(index, now, account.attached_at.get(canonical(own_id), 0.0)):
            yield identity
    for own_id, until in account.detached_until.items():
        identity = index.identities.get(own_id)
        if identity and _until(index, now, until):
            yield identity


def _until(index: Index, now: float, instant: float) -> bool:
    """Say whether an instant is still to come, and remember that this index is worth nothing afterwards."""
    if instant <= now:
        return False
    index.valid_until = min(index.valid_until, instant)
    return True


def _add_memberships(index: Index, world: World) -> None:
    parents: dict[str, set[str]] = {}
    for tenant in world.tenants:
        for group in tenant.groups:
            for member in group.members:
                parents.setdefault(member, set()).add(group.object_id)
    for member, direct in parents.items():
        found: set[str] = set()
        waiting = list(direct)
        while waiting:
            group_id = waiting.pop()
            if group_id not in found:
                found.add(group_id)
                waiting.extend(parents.get(group_id, ()))
        index.groups_of[member] = frozenset(found)


def _add_assignments(index: Index, world: World, now: float) -> None:
    for assignment in world.role_assignments:
        if _until(index, now, assignment.effective_at):
            continue
        if assignment.ends_at is not None and not _until(index, now, assignment.ends_at):
            continue
        index.assignments.setdefault(assignment.principal_id, []).append(assignment)
