"""What every ARM request passes: bearer token, limits, api-version, permission, locks; and ARM's headers."""

import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from werkzeug import Request, Response

from sas_service.emulator.answers import RefusalError
from sas_service.emulator.arm.errors import invalid_content, refuse, unauthenticated
from sas_service.emulator.arm.throttling import Throttle
from sas_service.emulator.edge import notes
from sas_service.emulator.entra.resources import ARM_AUDIENCES
from sas_service.emulator.entra.tokens import BearerError, Caller, Verifier
from sas_service.emulator.index import Index
from sas_service.emulator.permissions import allowed
from sas_service.emulator.routing import Route
from sas_service.emulator.scopes import ancestors, canonical
from sas_service.emulator.store import Store
from sas_service.emulator.world import ResourceGroup, Subscription

# Providers whose versions nothing here depends on.
ANY_VERSION: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Call:
    """An ARM request that may proceed."""

    request: Request
    caller: Caller
    index: Index
    parts: Mapping[str, str]
    scope: str

    @property
    def place(self) -> tuple[Subscription, ResourceGroup]:
        """Return the subscription and resource group of the path, or refuse with 404."""
        found = self.index.resource_groups.get((self.parts["subscription"].lower(), self.parts["group"].lower()))
        if found is None:
            message = f"Resource group '{self.parts['group']}' could not be found."
            raise refuse(404, "ResourceGroupNotFound", message)
        return found

    def body(self) -> dict[str, Any]:
        """Return the JSON object that was sent, or refuse."""
        try:
            document = json.loads(self.request.get_data() or b"null")
        except ValueError as error:
            raise invalid_content(str(error)) from None
        if not isinstance(document, dict):
            raise invalid_content("The request body must be a JSON object")
        return document


@dataclass(frozen=True)
class Operation:
    """One ARM operation: what it needs, and who answers it."""

    name: str
    method: str
    path: str
    action: str
    versions: frozenset[str]
    answer: Callable[[Call], Response]
    scope: str = ""

    @property
    def kind(self) -> str:
        """Return which bucket it drinks from; POST actions are writes, as the recorded traffic shows."""
        return {"GET": "reads", "DELETE": "deletes"}.get(self.method, "writes")


class ArmGate:
    """Turns operations into routes."""

    def __init__(self, store: Store, verifier: Verifier, throttle: Throttle) -> None:
        self._store = store
        self._verifier = verifier
        self._throttle = throttle

    def routes(self, operations: Iterable[Operation]) -> list[Route]:
        """Return the guarded routes of these operations."""
        return [self._route(operation) for operation in operations]

    def _route(self, operation: Operation) -> Route:
        def answer(request: Request, **parts: str) -> Response:
            return self._answer(operation, request, parts)

        return Route("arm", operation.name, (operation.method,), operation.path, answer)

    def _answer(self, operation: Operation, request: Request, parts: dict[str, str]) -> Response:
        headers = _request_ids(request)
        try:
            caller = self._authenticate(request)
            notes(request).update(caller=caller.object_id, client=caller.app_id, requestId=headers["x-ms-request-id"])
            subscription = _subscription_of(parts)
            headers |= self._throttle.spend(subscription, caller.object_id, operation.kind)
            # Writes go one by one: what they check must still be true when they act.
            with self._store.exclusive() if operation.method != "GET" else nullcontext():
                response = operation.answer(self._admit(operation, request, caller, parts, subscription))
        except RefusalError as refusal:
            response = refusal.answer()
        response.headers.extend(headers)
        return response

    def _authenticate(self, request: Request) -> Caller:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            message = "Authentication failed. The 'Authorization' header is missing or is not a bearer token."
            raise unauthenticated("AuthenticationFailed", message)
        try:
            return self._verifier.verify(token, ARM_AUDIENCES)
        except BearerError as error:
            raise _bearer_refusal(error) from None

    def _admit(
        self, operation: Operation, request: Request, caller: Caller, parts: dict[str, str], subscription: str
    ) -> Call:
        index = self._store.index()
        _check_version(operation, request)
        if subscription and subscription.lower() not in index.subscriptions:
            raise refuse(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.")
        scope = "/" + (operation.scope or operation.path).format(**parts).strip("/")
        self._check_tenant(index, caller, subscription)
        if operation.action and not allowed(index, caller.object_id, operation.action, scope):
            raise forbidden(caller, operation.action, scope)
        self._check_locks(operation, index, scope)
        return Call(request, caller, index, parts, scope)

    def _check_tenant(self, index: Index, caller: Caller, subscription: str) -> None:
        home = index.subscriptions[subscription.lower()].tenant if subscription else caller.tenant
        if home.lower() != caller.tenant.lower():
            message = (
                f"The access token is from the wrong issuer 'https://sts.windows.net/{caller.tenant}/'. It must match "
                f"the tenant 'https://sts.windows.net/{home}/' associated with this subscription."
            )
            raise unauthenticated("InvalidAuthenticationTokenTenant", message)

    def _check_locks(self, operation: Operation, index: Index, scope: str) -> None:
        if operation.kind == "reads" or "/locks/" in operation.action:
            return
        chain = ancestors(scope, index.subscriptions, index.management_groups)
        for lock in list(self._store.world.locks):
            if canonical(lock.scope) in chain and (lock.level == "ReadOnly" or operation.kind == "deletes"):
                verb = operation.kind.removesuffix("s")
                message = (
                    f"The scope '{scope}' cannot perform {verb} operation because following scope(s) are locked: "
                    f"'{lock.scope}'. Please remove the lock and try again."
                )
                raise refuse(409, "ScopeLocked", message)


def forbidden(caller: Caller, action: str, scope: str) -> RefusalError:
    """Return ARM's refusal of a caller without permission."""
    message = (
        f"The client '{caller.name}' with object id '{caller.object_id}' does not have authorization to perform action "
        f"'{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh "
        "your credentials."
    )
    return refuse(403, "AuthorizationFailed", message)


def _subscription_of(parts: Mapping[str, str]) -> str:
    if "subscription" in parts:
        return parts["subscription"]
    pieces = parts.get("scope", "").strip("/").split("/")
    return pieces[1] if len(pieces) > 1 and pieces[0].lower() == "subscriptions" else ""


def _check_version(operation: Operation, request: Request) -> None:
    version = request.args.get("api-version", "")
    if not version:
        message = "The api-version query parameter (?api-version=) is required for all requests."
        raise refuse(400, "MissingApiVersionParameter", message)
    if operation.versions and version not in operation.versions:
        supported = ",".join(sorted(operation.versions))
        namespace, _, kind = operation.action.partition("/")
        message = (
            f"The resource type '{kind.rpartition('/')[0]}' could not be found in the namespace '{namespace}' for api "
            f"version '{version}'. The supported api-versions are '{supported}'."
        )
        raise refuse(400, "InvalidResourceType", message)


def _bearer_refusal(error: BearerError) -> RefusalError:
    if error.reason == "expired":
        return unauthenticated(
            "ExpiredAuthenticationToken", "The access token expiry time has passed or is yet to come."
        )
    if error.reason == "audience":
        message = (
            f"The access token has been obtained for wrong audience or resource '{error.detail}'. It should exactly "
            "match with one of the allowed audiences 'https://management.core.windows.net/',"
            "'https://management.core.windows.net','https://management.azure.com/','https://management.azure.com'."
        )
        return unauthenticated("InvalidAuthenticationTokenAudience", message)
    return unauthenticated("InvalidAuthenticationToken", "The access token is invalid.")


def _request_ids(request: Request) -> dict[str, str]:
    own = str(uuid.uuid4())
    correlation = request.headers.get("x-ms-correlation-request-id") or own
    headers = {
        "Cache-Control": "no-cache",
        "Pragma": "no-cache",
        "Expires": "-1",
        "x-ms-request-id": own,
        "x-ms-correlation-request-id": correlation,
        "x-ms-routing-request-id": f"EASTUS:{own}",
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
        "X-Content-Type-Options": "nosniff",
    }
    client = request.headers.get("x-ms-client-request-id")
    if client and request.headers.get("x-ms-return-client-request-id", "").lower() == "true":
        headers["x-ms-client-request-id"] = client
    return headers
