"""OpenID metadata, published keys and instance discovery: what lets others verify Entra's tokens."""

from typing import Any

from werkzeug import Request, Response

from sas_service.emulator.answers import json_answer
from sas_service.emulator.entra.errors import refuse
from sas_service.emulator.entra.keys import KeyRing
from sas_service.emulator.entra.token_endpoint import base_of, find_tenant
from sas_service.emulator.entra.tokens import STS
from sas_service.emulator.routing import Route
from sas_service.emulator.store import Store

_CACHE = {"Cache-Control": "max-age=86400, private", "Access-Control-Allow-Origin": "*"}
_COMMON: dict[str, Any] = {
    "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
    "response_modes_supported": ["query", "fragment", "form_post"],
    "subject_types_supported": ["pairwise"],
    "id_token_signing_alg_values_supported": ["RS256"],
    "response_types_supported": ["code"],
    "code_challenge_methods_supported": ["plain", "S256"],
    "claims_supported": ["sub", "iss", "aud", "exp", "iat", "tid", "ver", "oid", "name", "preferred_username"],
    "request_uri_parameter_supported": False,
    "tenant_region_scope": None,
    "cloud_instance_name": "microsoftonline.com",
    "cloud_graph_host_name": "graph.windows.net",
    "msgraph_host": "graph.microsoft.com",
    "rbac_url": "https://pas.windows.net",
}
_GUESTS = {"common", "organizations", "consumers"}


class Metadata:
    """The public documents of each tenant."""

    def __init__(self, store: Store, ring: KeyRing) -> None:
        self._store = store
        self._ring = ring

    def routes(self) -> list[Route]:
        """Return the endpoints."""
        get = ("GET",)
        return [
            Route(
                "entra", "openidConfiguration", get, "/{tenant}/v2.0/.well-known/openid-configuration", self.openid_v2
            ),
            Route("entra", "openidConfiguration", get, "/{tenant}/.well-known/openid-configuration", self.openid_v1),
            Route("entra", "jwks", get, "/{tenant}/discovery/v2.0/keys", self.keys_v2),
            Route("entra", "jwks", get, "/{tenant}/discovery/keys", self.keys_v1),
            Route("entra", "instanceDiscovery", get, "/{tenant}/discovery/instance", self.instance),
        ]

    def openid_v2(self, request: Request, tenant: str) -> Response:
        """Return the v2.0 metadata document."""
        base, known = base_of(self._store, request), self._tenant(tenant)
        document = _COMMON | {
            "token_endpoint": f"{base}/{known}/oauth2/v2.0/token",
            "jwks_uri": f"{base}/{known}/discovery/v2.0/keys",
            "issuer": f"{base}/{'{tenantid}' if known in _GUESTS else known}/v2.0",
            "authorization_endpoint": f"{base}/{known}/oauth2/v2.0/authorize",
            "end_session_endpoint": f"{base}/{known}/oauth2/v2.0/logout",
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
        }
        return json_answer(document, headers=_CACHE)

    def openid_v1(self, request: Request, tenant: str) -> Response:
        """Return the v1.0 metadata document."""
        base, known = base_of(self._store, request), self._tenant(tenant)
        document = _COMMON | {
            "token_endpoint": f"{base}/{known}/oauth2/token",
            "jwks_uri": f"{base}/{known}/discovery/keys",
            "issuer": f"{STS}/{'{tenantid}' if known in _GUESTS else known}/",
            "authorization_endpoint": f"{base}/{known}/oauth2/authorize",
            "scopes_supported": ["openid"],
        }
        return json_answer(document, headers=_CACHE)

    def keys_v2(self, request: Request, tenant: str) -> Response:
        """Return the published keys, each with the issuer of v2 tokens."""
        issuer = f"{base_of(self._store, request)}/{self._tenant(tenant)}/v2.0"
        return json_answer(self._ring.jwks(issuer), headers=_CACHE)

    def keys_v1(self, request: Request, tenant: str) -> Response:
        """Return the published keys."""
        del request
        self._tenant(tenant)
        return json_answer(self._ring.jwks(None), headers=_CACHE)

    def instance(self, request: Request, tenant: str) -> Response:
        """Return where the metadata of the asked authority is (MSAL asks before it trusts a host)."""
        endpoint = request.args.get("authorization_endpoint", "")
        parts = [part for part in endpoint.split("/") if part]
        if len(parts) < 3:  # noqa: PLR2004 - scheme, host, tenant
            raise refuse("invalid_request", 50049, "Unknown or invalid instance.")
        del tenant
        base = base_of(self._store, request)
        metadata = [{"preferred_network": request.host, "preferred_cache": request.host, "aliases": [request.host]}]
        document = {
            "tenant_discovery_endpoint": f"{base}/{parts[2]}/v2.0/.well-known/openid-configuration",
            "api-version": request.args.get("api-version", "1.1"),
            "metadata": metadata,
        }
        return json_answer(document, headers=_CACHE)

    def _tenant(self, tenant: str) -> str:
        return tenant.lower() if tenant.lower() in _GUESTS else find_tenant(self._store, tenant).id
