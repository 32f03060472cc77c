"""What a token is for: Azure's own APIs, or an application of the tenant."""

from dataclasses import dataclass

from sas_service.emulator.directory import Application
from sas_service.emulator.entra.errors import refuse
from sas_service.emulator.index import Index

ARM_AUDIENCES = frozenset({"https://management.azure.com", "https://management.core.windows.net"})
MAPS_AUDIENCES = frozenset({"https://atlas.microsoft.com"})
VAULT_AUDIENCES = frozenset({"https://vault.azure.net"})
_FIRST_PARTY = ARM_AUDIENCES | MAPS_AUDIENCES | VAULT_AUDIENCES | {"https://graph.microsoft.com"}
_OPENID_SCOPES = frozenset({"openid", "profile", "email", "offline_access"})


@dataclass(frozen=True)
class Resource:
    """The receiver of a token: its audience as the token names it, and the version it asked for."""

    audience: str
    version: int
    application: Application | None
    scopes: tuple[str, ...] = ()


def find_resource(index: Index, tenant: str, name: str) -> Resource:
    """Return the resource called by its URI or id, or refuse as Entra does."""
    if name.rstrip("/") in _FIRST_PARTY:
        return Resource(name, 1, None)
    application = index.applications.get((tenant, name.lower())) or index.applications.get(
        (tenant, name.lower().rstrip("/"))
    )
    if application is None:
        text = (
            f"The resource principal named {name} was not found in the tenant named {tenant}. This can happen if the "
            "application has not been installed by the administrator of the tenant or consented to by any user in "
            "the tenant. You might have sent your authentication request to the wrong tenant."
        )
        raise refuse("invalid_resource", 500011, text)
    version = application.requested_access_token_version
    audience = application.client_id if version == 2 else name  # noqa: PLR2004 - the two token versions
    return Resource(audience, version, application)


def resource_of_default_scope(index: Index, tenant: str, scope: str) -> Resource:
    """Return the resource of "{resource}/.default", the only scope that client credentials may name."""
    names = [part for part in scope.split() if part not in _OPENID_SCOPES]
    if len(names) != 1 or not names[0].endswith("/.default"):
        text = (
            f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value with "
            "/.default suffixed to the resource identifier (application ID URI)."
        )
        raise refuse("invalid_scope", 1002012, text)
    return find_resource(index, tenant, names[0].removesuffix("/.default"))


def resource_of_user_scope(index: Index, tenant: str, scope: str) -> Resource | None:
    """Return the resource and the delegated permissions of a sign-in; None if only OpenID scopes are asked for."""
    names = [part for part in scope.split() if part not in _OPENID_SCOPES]
    if not names:
        return None
    owners = {name.rpartition("/")[0] for name in names}
    if len(owners) != 1:
        text = (
            "Provided value for the input parameter scope is not valid because it contains more than one resource. "
            f"Scope {scope} is not valid."
        )
        raise refuse("invalid_scope", 28000, text)
    resource = find_resource(index, tenant, owners.pop())
    known = resource.application.scopes if resource.application else ["user_impersonation"]
    asked = [name.rpartition("/")[2] for name in names]
    granted = tuple(known) if ".default" in asked else tuple(name for name in asked if name in known)
    unknown = [name for name in asked if name not in {*known, ".default"}]
    if unknown:
        text = (
            f"The application asked for scope '{unknown[0]}' that doesn't exist on the resource '{resource.audience}'."
        )
        raise refuse("invalid_scope", 650053, text)
    return Resource(resource.audience, resource.version, resource.application, granted)
