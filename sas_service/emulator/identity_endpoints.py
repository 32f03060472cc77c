"""Where machines get tokens of their managed identities: the App Service protocol and IMDS."""

import hmac
import uuid
from typing import Any

from werkzeug import Request, Response

from sas_service.emulator.answers import RefusalError, json_answer
from sas_service.emulator.edge import notes
from sas_service.emulator.entra.resources import find_resource
from sas_service.emulator.entra.token_endpoint import base_of
from sas_service.emulator.entra.tokens import Mint
from sas_service.emulator.routing import Route
from sas_service.emulator.scopes import Placed, canonical
from sas_service.emulator.store import Store
from sas_service.emulator.world import Machine, ManagedIdentity

_SELECTORS = ("client_id", "object_id", "principal_id", "mi_res_id", "msi_res_id")


class IdentityEndpoints:
    """GET /msi/token and /metadata/identity/oauth2/token."""

    def __init__(self, store: Store, mint: Mint) -> None:
        self._store = store
        self._mint = mint

    def routes(self) -> list[Route]:
        """Return the endpoints; IMDS knows no secret, so a prefix tells several machines apart."""
        get = ("GET",)
        imds = "/metadata/identity/oauth2/token"
        return [
            Route("identity", "appServiceToken", get, "/msi/token", self.app_service),
            Route("identity", "imdsToken", get, imds, lambda request: self.imds(request, None)),
            Route("identity", "imdsToken", get, "/machines/{machine}" + imds, self.imds),
        ]

    def app_service(self, request: Request) -> Response:
        """Answer the protocol of App Service, Functions and Container Apps, version 2019-08-01."""
        secret = request.headers.get("X-IDENTITY-HEADER", "")
        machine = next(
            (each for each in self._store.world.machines if hmac.compare_digest(each.identity_header, secret)), None
        )
        if machine is None:
            raise _app_service_refusal(401, "The X-IDENTITY-HEADER is missing or wrong.")
        if request.args.get("api-version") != "2019-08-01":
            raise _app_service_refusal(400, "The api-version parameter must be 2019-08-01.")
        resource = request.args.get("resource")
        if not resource:
            raise _app_service_refusal(400, "The resource parameter is required.")
        identity = self._select(machine, request)
        if identity is None:
            text = "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId."
            raise _app_service_refusal(400, text)
        body = self._token(request, identity, resource)
        body["client_id"] = identity.item.client_id
        return json_answer(body)

    def imds(self, request: Request, machine: str | None) -> Response:
        """Answer the protocol of virtual machines."""
        if request.headers.get("Metadata", "").lower() != "true":
            raise _imds_refusal("bad_request_102", "Required metadata header not specified")
        if not request.args.get("api-version"):
            raise _imds_refusal("invalid_request", "Required query variable 'api-version' is missing")
        resource = request.args.get("resource")
        if not resource:
            raise _imds_refusal("invalid_request", "Required query variable 'resource' is missing")
        machines = self._store.world.machines
        found = next((each for each in machines if machine in {None, each.name}), None)
        if found is None:
            raise _imds_refusal("invalid_request", "No identity has been assigned to this resource.")
        identity = self._select_for_imds(found, request)
        body = self._token(request, identity, resource)
        now = int(self._store.clock.now())
        lifetime = str(int(body["expires_on"]) - now)
        body |= {"client_id": identity.item.client_id, "expires_in": lifetime, "ext_expires_in": lifetime}
        return json_answer(body | {"not_before": str(now)})

    def _select_for_imds(self, machine: Machine, request: Request) -> Placed[ManagedIdentity]:
        named = any(request.args.get(name) for name in _SELECTORS)
        if not machine.identities:
            raise _imds_refusal("invalid_request", "No identity has been assigned to this resource.")
        if not named and len(machine.identities) > 1:
            text = (
                "Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in "
                "the token request"
            )
            raise _imds_refusal("invalid_request", text)
        identity = self._select(machine, request) if named else self._identities(machine)[0]
        if identity is None:
            raise _imds_refusal("invalid_request", "Identity not found")
        return identity

    def _select(self, machine: Machine, request: Request) -> Placed[ManagedIdentity] | None:
        for identity in self._identities(machine):
            names = {
                "client_id": identity.item.client_id,
                "object_id": identity.item.principal_id,
                "principal_id": identity.item.principal_id,
                "mi_res_id": identity.id,
                "msi_res_id": identity.id,
            }
            asked = {name: request.args[name] for name in _SELECTORS if request.args.get(name)}
            if asked and all(names[name].lower() == value.lower() for name, value in asked.items()):
                return identity
        return None

    def _identities(self, machine: Machine) -> list[Placed[ManagedIdentity]]:
        known = self._store.index().identities
        return [known[canonical(each)] for each in machine.identities if canonical(each) in known]

    def _token(self, request: Request, identity: Placed[ManagedIdentity], resource: str) -> dict[str, Any]:
        tenant = identity.subscription.tenant
        found = find_resource(self._store.index(), tenant, resource)
        token, lifetime = self._mint.for_identity(tenant, identity, found, base_of(self._store, request))
        notes(request)["client"] = identity.item.client_id
        expires = str(int(self._store.clock.now()) + lifetime)
        return {"access_token": token, "expires_on": expires, "resource": resource, "token_type": "Bearer"}


def _app_service_refusal(status: int, message: str) -> RefusalError:
    return RefusalError(status, {"statusCode": status, "message": message, "correlationId": str(uuid.uuid4())})


def _imds_refusal(error: str, description: str) -> RefusalError:
    return RefusalError(400, {"error": error, "error_description": description})
