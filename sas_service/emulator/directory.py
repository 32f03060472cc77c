"""What a tenant holds, as data: applications, users, groups and who has which app role."""

from dataclasses import dataclass, field


@dataclass
class FederatedCredential:
    """An outside issuer whose tokens may stand in for a secret."""

    name: str
    issuer: str
    subject: str
    audiences: list[str] = field(default_factory=lambda: ["api://AzureADTokenExchange"])
    public_keys: list[str] = field(default_factory=list)


@dataclass
class Application:
    """An app registration together with its service principal."""

    client_id: str
    object_id: str = ""
    display_name: str = ""
    secrets: list[str] = field(default_factory=list)
    certificates: list[str] = field(default_factory=list)
    federated_credentials: list[FederatedCredential] = field(default_factory=list)
    identifier_uris: list[str] = field(default_factory=list)
    requested_access_token_version: int = 1
    app_roles: list[str] = field(default_factory=list)
    scopes: list[str] = field(default_factory=list)
    redirect_uris: list[str] = field(default_factory=list)
    public_client: bool = False
    group_claims: bool = True


@dataclass
class User:
    """A person who signs in with a password."""

    object_id: str
    user_principal_name: str
    display_name: str = ""
    password: str = ""


@dataclass
class Group:
    """A security group; members may be users, service principals, identities and groups."""

    object_id: str
    display_name: str = ""
    members: list[str] = field(default_factory=list)


@dataclass
class AppRoleAssignment:
    """Who has which app roles of which application."""

    principal_id: str
    resource: str
    roles: list[str] = field(default_factory=list)


@dataclass
class Tenant:
    """A directory."""

    id: str
    display_name: str = ""
    applications: list[Application] = field(default_factory=list)
    users: list[User] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    app_role_assignments: list[AppRoleAssignment] = field(default_factory=list)
