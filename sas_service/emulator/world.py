"""The emulated world as data: what a world file may say and, in the later fields of a class, what happened since."""

from dataclasses import dataclass, field
from typing import Any

from sas_service.emulator.directory import FederatedCredential, Tenant


@dataclass
class ManagedIdentity:
    """A user-assigned managed identity."""

    name: str
    location: str = ""
    client_id: str = ""
    principal_id: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    federated_credentials: list[FederatedCredential] = field(default_factory=list)


@dataclass
class RetiredKey:
    """A regenerated key that the data plane still accepts for a while."""

    key: str
    slot: str
    until: float


@dataclass
class MapsAccount:
    """An Azure Maps account."""

    name: str
    location: str = "eastus"
    kind: str = "Gen2"
    sku: str = "G2"
    unique_id: str = ""
    tags: dict[str, str] | None = None
    disable_local_auth: bool = False
    identities: list[str] = field(default_factory=list)
    system_assigned: bool = False
    cors: dict[str, Any] | None = None
    encryption: dict[str, Any] | None = None
    linked_resources: list[Any] | None = None
    primary_key: str = ""
    secondary_key: str = ""

    primary_key_last_updated: str = ""
    secondary_key_last_updated: str = ""
    retired_keys: list[RetiredKey] = field(default_factory=list)
    identity_keys: dict[str, str] = field(default_factory=dict)
    system_principal_id: str = ""
    attached_at: dict[str, float] = field(default_factory=dict)
    detached_until: dict[str, float] = field(default_factory=dict)
    local_auth_before: bool | None = None
    local_auth_settles_at: float = 0.0
    provisioned_at: float = 0.0
    system_data: dict[str, str] = field(default_factory=dict)


@dataclass
class ResourceGroup:
    """A resource group with the resources that the emulator knows."""

    name: str
    location: str = "eastus"
    tags: dict[str, str] = field(default_factory=dict)
    identities: list[ManagedIdentity] = field(default_factory=list)
    maps_accounts: list[MapsAccount] = field(default_factory=list)


@dataclass
class Subscription:
    """A subscription; its management group passes roles down to it."""

    id: str
    tenant: str
    display_name: str = ""
    management_group: str | None = None
    resource_groups: list[ResourceGroup] = field(default_factory=list)


@dataclass
class ManagementGroup:
    """A node above subscriptions."""

    name: str
    display_name: str = ""
    parent: str | None = None


@dataclass
class RoleDefinition:
    """A set of allowed actions."""

    name: str
    role_name: str
    description: str = ""
    actions: list[str] = field(default_factory=list)
    not_actions: list[str] = field(default_factory=list)
    data_actions: list[str] = field(default_factory=list)
    not_data_actions: list[str] = field(default_factory=list)
    assignable_scopes: list[str] = field(default_factory=lambda: ["/"])
    role_type: str = "CustomRole"


@dataclass
class RoleAssignment:
    """A role given to a principal at a scope; effective between two instants."""

    scope: str
    principal_id: str
    role: str
    principal_type: str = "ServicePrincipal"
    name: str = ""
    description: str | None = None
    condition: str | None = None
    condition_version: str | None = None
    created_on: str = ""
    created_by: str = ""
    effective_at: float = 0.0
    ends_at: float | None = None


@dataclass
class Lock:
    """A management lock."""

    name: str
    scope: str
    level: str
    notes: str | None = None


@dataclass
class AccessPolicy:
    """What one principal may do with the secrets of a vault."""

    object_id: str
    secrets: list[str] = field(default_factory=list)


@dataclass
class SecretVersion:
    """One value of a secret."""

    version: str
    value: str
    created: int
    updated: int = 0
    enabled: bool = True
    content_type: str | None = None
    tags: dict[str, str] | None = None
    expires: int | None = None
    not_before: int | None = None


@dataclass
class KeyVault:
    """A key vault and its secrets."""

    name: str
    subscription: str = ""
    resource_group: str = ""
    location: str = "eastus"
    rbac: bool = False
    access_policies: list[AccessPolicy] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    versions: dict[str, list[SecretVersion]] = field(default_factory=dict)


@dataclass
class Machine:
    """A host with an identity endpoint."""

    name: str
    identity_header: str
    identities: list[str] = field(default_factory=list)


@dataclass
class EntraKey:
    """A signing key of Entra ID with its certificate, both PEM."""

    private_key: str
    certificate: str
    created: float


@dataclass
class World:
    """Everything there is."""

    tenants: list[Tenant] = field(default_factory=list)
    management_groups: list[ManagementGroup] = field(default_factory=list)
    subscriptions: list[Subscription] = field(default_factory=list)
    role_definitions: list[RoleDefinition] = field(default_factory=list)
    role_assignments: list[RoleAssignment] = field(default_factory=list)
    locks: list[Lock] = field(default_factory=list)
    key_vaults: list[KeyVault] = field(default_factory=list)
    machines: list[Machine] = field(default_factory=list)
    hosts: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    entra_keys: list[EntraKey] = field(default_factory=list)
    clock_offset: float = 0.0
