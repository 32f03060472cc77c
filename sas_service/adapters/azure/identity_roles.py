"""The port IdentityRoles: data roles given to identities at an account, under names that make repeating harmless."""

import json
import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from itertools import islice
from typing import Any, cast
from uuid import NAMESPACE_URL, uuid5

from azure.core.exceptions import HttpResponseError

from sas_service.adapters.azure.arm_pipeline import request_headers
from sas_service.adapters.azure.attempts import Attempts, Patience, Timeouts, once
from sas_service.adapters.azure.authorization_clients import authorization_clients
from sas_service.adapters.azure.errors import Effect, request_id_of
from sas_service.adapters.azure.maps_clients import PUBLIC_CLOUD
from sas_service.adapters.azure.prefetched_credential import PrefetchedCredential
from sas_service.adapters.azure.role_assignments import GUID, AzureRoleAssignments, account_scope
from sas_service.adapters.azure.transport import Outbound
from sas_service.domain.errors import AzureRefused, SasServiceError
from sas_service.domain.policy import Account
from sas_service.ports import EffectiveRole

_MOST_NAMESAKES = 10


class AzureIdentityRoles:
    """Reads, assigns and removes roles at an account; ``credential`` is the operator's."""

    def __init__(
        self,
        *,
        accounts: Callable[[str], Account],
        credential: PrefetchedCredential,
        outbound: Outbound,
        base_url: str = PUBLIC_CLOUD,
        patience: Patience | None = None,
    ) -> None:
        self._accounts = accounts
        self._patience = patience or Patience()
        self._attempts = Attempts(self._patience)
        self._clients = authorization_clients(credential, outbound, base_url)
        self._reader = AzureRoleAssignments(
            accounts=accounts, credential=credential, outbound=outbound, base_url=base_url, attempts=self._attempts
        )

    def effective(self, account: str, principal_id: str) -> tuple[EffectiveRole, ...]:
        """Return every role that ``principal_id`` has at the account: its own, inherited ones, those through groups."""
        return self._reader.effective(account, principal_id)

    def assign(self, account: str, principal_id: str, data_role: str, *, request_id: str) -> str | None:
        """Give the role, a name or a GUID; that the principal has it already is a success.

        A new identity may be unknown to Azure's directory for a while: AzureRefused, code ``PrincipalNotFound``.
        """
        definition = self._accounts(account)
        if GUID.fullmatch(principal_id) is None:
            raise AzureRefused("A principal is named by its object id, a GUID.", effect=Effect.NONE.value)
        role_id = self._role_id(definition, data_role)
        try:
            return self._put(definition, principal_id, role_id, request_id)
        except AzureRefused as refused:
            if refused.extra.get("code") != "RoleAssignmentExists":
                raise
            error = refused
        # Somebody has given it under another name. The refusal stands unless it is really there.
        if self._has(account, principal_id, role_id):
            return error.extra.get("azureRequestId")
        raise error

    def remove(self, account: str, assignment_id: str, *, request_id: str) -> str | None:
        """Take one assignment away; one that is gone already is no error, one that is not the account's is."""
        definition = self._accounts(account)
        client = self._clients.get(definition.subscription)
        if not _is_at(definition, assignment_id):
            raise AzureRefused("That is no role assignment at this account.", effect=Effect.NONE.value)

        def send(timeouts: Timeouts) -> str | None:
            try:
                sent: Any = client.role_assignments.delete_by_id(
                    assignment_id.lstrip("/"),
                    headers=request_headers(request_id),
                    cls=_request_id,
                    connection_timeout=timeouts.connection_timeout,
                    read_timeout=timeouts.read_timeout,
                )
            except HttpResponseError as error:
                if error.status_code != HTTPStatus.NOT_FOUND:
                    raise
                return request_id_of(getattr(error.response, "headers", {}))
            return cast("str | None", sent)

        return once("Delete role assignment", self._patience, send)

    def _put(self, definition: Account, principal_id: str, role_id: str, request_id: str) -> str | None:
        client, scope = self._clients.get(definition.subscription), account_scope(definition)
        body: Any = json.dumps(assignment_body(definition, principal_id, role_id)).encode()

        def send(timeouts: Timeouts) -> str | None:
            sent: Any = client.role_assignments.create(
                scope.lstrip("/"),
                assignment_name(scope, principal_id, role_id),
                body,
                headers=request_headers(request_id),
                cls=_request_id,
                connection_timeout=timeouts.connection_timeout,
                read_timeout=timeouts.read_timeout,
            )
            return cast("str | None", sent)

        return once("Create role assignment", self._patience, send)

    def _role_id(self, definition: Account, data_role: str) -> str:
        """Return the GUID of a role; whatever fails here has changed nothing."""
        if GUID.fullmatch(data_role):
            return data_role.lower()
        try:
            found = self._named(definition, data_role)
        except SasServiceError as error:
            error.extra["effect"] = Effect.NONE.value
            raise
        if len(found) != 1:
            text = "There is no role of this name." if not found else "Several roles have this name: use the GUID."
            raise AzureRefused(text, effect=Effect.NONE.value)
        return found.pop()

    def _named(self, definition: Account, data_role: str) -> set[str]:
        client, scope = self._clients.get(definition.subscription), account_scope(definition)
        quoted = data_role.replace("'", "''")

        def send(timeouts: Timeouts) -> set[str]:
            pages: Any = client.role_definitions.list(
                scope.lstrip("/"),
                filter=f"roleName eq '{quoted}'",
                connection_timeout=timeouts.connection_timeout,
                read_timeout=timeouts.read_timeout,
            )
            roles = islice(pages, _MOST_NAMESAKES)
            return {str(role.name).lower() for role in roles if str(role.role_name).lower() == data_role.lower()}

        return self._attempts.run("List role definitions", send).answer

    def _has(self, account: str, principal_id: str, role_id: str) -> bool:
        try:
            roles = self._reader.effective(account, principal_id)
        except SasServiceError:
            return False
        return any(each.role_id == role_id and not (each.inherited or each.through_group) for each in roles)


def assignment_name(scope: str, principal_id: str, role_id: str) -> str:
    """Return the one name for this role of this principal here: a second PUT meets the first."""
    return str(uuid5(NAMESPACE_URL, f"{scope}/{principal_id}/{role_id}".lower()))


def assignment_body(account: Account, principal_id: str, role_id: str) -> Mapping[str, object]:
    """Return the PUT body; the SDK's model would take the principal for a user."""
    role = f"/subscriptions/{account.subscription}/providers/Microsoft.Authorization/roleDefinitions/{role_id}"
    return {"properties": {"roleDefinitionId": role, "principalId": principal_id, "principalType": "ServicePrincipal"}}


def _is_at(account: Account, assignment_id: str) -> bool:
    """Tell whether it is an assignment at the account itself: one above it is somebody else's to remove."""
    prefix = re.escape(f"{account_scope(account)}/providers/Microsoft.Authorization/roleAssignments/")
    return re.fullmatch(prefix + GUID.pattern, assignment_id, re.ASCII | re.IGNORECASE) is not None


def _request_id(response: Any, _model: Any, _headers: Any) -> str | None:
    return request_id_of(response.http_response.headers)
