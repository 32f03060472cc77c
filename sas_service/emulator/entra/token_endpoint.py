"""The token endpoint, v1 and v2: client credentials, authorization code, refresh token and password."""

from collections.abc import Callable
from typing import Any

from werkzeug import Request, Response

from sas_service.emulator.answers import json_answer
from sas_service.emulator.directory import Application, Tenant, User
from sas_service.emulator.edge import notes
from sas_service.emulator.entra.client_authentication import ClientAuthentication, client_credentials
from sas_service.emulator.entra.errors import missing_parameter, refuse
from sas_service.emulator.entra.resources import (
    Resource,
    find_resource,
    resource_of_default_scope,
    resource_of_user_scope,
)
from sas_service.emulator.entra.sessions import Session, Sessions
from sas_service.emulator.entra.tokens import Mint
from sas_service.emulator.routing import Route
from sas_service.emulator.store import Store

NO_STORE = {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"}


def base_of(store: Store, request: Request) -> str:
    """Return the address under which this Entra is known: issuers begin with it."""
    return (store.settings.issuer_base or request.host_url).rstrip("/")


def find_tenant(store: Store, tenant: str) -> Tenant:
    """Return the tenant of the path."""
    found = store.index().tenants.get(tenant.lower())
    if found is None:
        text = (
            f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the "
            "correct cloud. Check with your subscription administrator, this may happen if there are no active "
            "subscriptions for the tenant."
        )
        raise refuse("invalid_request", 90002, text)
    return found


class TokenEndpoint:
    """POST /{tenant}/oauth2/v2.0/token and /{tenant}/oauth2/token."""

    def __init__(self, store: Store, mint: Mint, clients: ClientAuthentication, sessions: Sessions) -> None:
        self._store = store
        self._mint = mint
        self._clients = clients
        self._sessions = sessions
        self._grants: dict[str, Callable[[Request, Tenant, bool], dict[str, Any]]] = {
            "client_credentials": self._client_credentials,
            "authorization_code": self._authorization_code,
            "refresh_token": self._refresh_token,
            "password": self._password,
        }

    def routes(self) -> list[Route]:
        """Return the endpoints; GET is there because the daemon document shows it."""
        methods = ("GET", "POST", "OPTIONS")
        return [
            Route(
                "entra",
                "token",
                methods,
                "/{tenant}/oauth2/v2.0/token",
                lambda request, tenant: self.answer(request, tenant, v2=True),
            ),
            Route(
                "entra",
                "token",
                methods,
                "/{tenant}/oauth2/token",
                lambda request, tenant: self.answer(request, tenant, v2=False),
            ),
        ]

    def answer(self, request: Request, tenant: str, *, v2: bool) -> Response:
        """Answer one token request."""
        if request.method == "OPTIONS":
            return Response(status=204, headers=self._cors(request, tenant))
        found = find_tenant(self._store, tenant)
        grant = request.values.get("grant_type")
        if not grant:
            raise missing_parameter("grant_type")
        if grant not in self._grants:
            text = f"The app requested an unsupported grant type '{grant}'."
            raise refuse("unsupported_grant_type", 70003, text)
        body = self._grants[grant](request, found, v2)
        notes(request)["client"] = client_credentials(request)[0]
        return json_answer(body, headers=NO_STORE | self._cors(request, tenant))

    def _client_credentials(self, request: Request, tenant: Tenant, v2: bool) -> dict[str, Any]:  # noqa: FBT001 - a table of grants calls it
        application, credential = self._clients.check(request, tenant.id)
        if credential == "0":
            text = "Public clients can't use the client credentials grant."
            raise refuse("invalid_client", 700025, text, status=401)
        resource = self._application_resource(request, tenant, v2=v2)
        token, lifetime = self._mint.for_application(
            tenant, application, resource, base_of(self._store, request), credential
        )
        if v2:
            return {"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime, "access_token": token}
        return self._v1_body(token, lifetime, resource)

    def _application_resource(self, request: Request, tenant: Tenant, *, v2: bool) -> Resource:
        name = "scope" if v2 else "resource"
        wanted = request.values.get(name)
        if not wanted:
            raise missing_parameter(name)
        index = self._store.index()
        return resource_of_default_scope(index, tenant.id, wanted) if v2 else find_resource(index, tenant.id, wanted)

    def _v1_body(self, token: str, lifetime: int, resource: Resource) -> dict[str, Any]:
        now = int(self._store.clock.now())
        return {
            "token_type": "Bearer",
            "expires_in": str(lifetime),
            "ext_expires_in": str(lifetime),
            "expires_on": str(now + lifetime),
            "not_before": str(now),
            "resource": resource.audience,
            "access_token": token,
        }

    def _authorization_code(self, request: Request, tenant: Tenant, v2: bool) -> dict[str, Any]:  # noqa: FBT001, ARG002
        application, _ = self._clients.check(request, tenant.id)
        session = self._sessions.redeem_code(
            request.values.get("code", ""),
            application.client_id,
            request.values.get("redirect_uri", ""),
            request.values.get("code_verifier"),
        )
        return self._user_body(request, tenant, application, session)

    def _refresh_token(self, request: Request, tenant: Tenant, v2: bool) -> dict[str, Any]:  # noqa: FBT001, ARG002
        application, _ = self._clients.check(request, tenant.id)
        session = self._sessions.refresh(
            request.values.get("refresh_token", ""), application.client_id, request.values.get("scope")
        )
        return self._user_body(request, tenant, application, session)

    def _password(self, request: Request, tenant: Tenant, v2: bool) -> dict[str, Any]:  # noqa: FBT001, ARG002
        application, _ = self._clients.check(request, tenant.id)
        user = self._sessions.check_password(
            tenant, request.values.get("username", ""), request.values.get("password", "")
        )
        scope = request.values.get("scope") or f"{request.values.get('resource', '')}/.default"
        session = Session(tenant.id, user.object_id, application.client_id, scope)
        return self._user_body(request, tenant, application, session)

    def _user_body(
        self, request: Request, tenant: Tenant, application: Application, session: Session
    ) -> dict[str, Any]:
        base = base_of(self._store, request)
        user = self._user(tenant, session.user)
        resource = resource_of_user_scope(self._store.index(), tenant.id, session.scope)
        body: dict[str, Any] = {"token_type": "Bearer", "scope": session.scope}
        if resource is None:
            resource = Resource("https://graph.microsoft.com", 1, None, ("User.Read",))
        token, lifetime = self._mint.for_user(tenant, user, application, resource, base)
        body |= {"expires_in": lifetime, "ext_expires_in": lifetime, "access_token": token}
        scopes = session.scope.split()
        if "offline_access" in scopes:
            body["refresh_token"] = self._sessions.new_refresh_token(session)
        if "openid" in scopes:
            body["id_token"] = self._mint.id_token(tenant, user, application, base, session.nonce)
        return body

    @staticmethod
    def _user(tenant: Tenant, object_id: str) -> User:
        for user in tenant.users:
            if user.object_id == object_id:
                return user
        text = "The user account does not exist in the directory."
        raise refuse("invalid_grant", 50034, text)

    def _cors(self, request: Request, tenant: str) -> dict[str, str]:
        """Let single-page applications redeem their code: only from origins that an application registered."""
        origin = request.headers.get("Origin")
        found = self._store.index().tenants.get(tenant.lower())
        if not origin or not found:
            return {}
        registered = {uri for application in found.applications for uri in application.redirect_uris}
        if not any(uri == origin or uri.startswith(origin + "/") for uri in registered):
            return {}
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Headers": request.headers.get("Access-Control-Request-Headers", "content-type"),
            "Vary": "Origin",
        }
