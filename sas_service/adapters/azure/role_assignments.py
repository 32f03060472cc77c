"""Reads which roles a principal really has on an account: its own, inherited ones and those through groups."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from sas_service.adapters.azure.attempts import Attempts, Patience, Timeouts
from sas_service.adapters.azure.authorization_clients import authorization_clients
from sas_service.adapters.azure.errors import Failure, unreadable
from sas_service.adapters.azure.maps_clients import PUBLIC_CLOUD
from sas_service.adapters.azure.prefetched_credential import PrefetchedCredential
from sas_service.adapters.azure.transport import Outbound
from sas_service.domain.errors import AzureRefused
from sas_service.domain.policy import Account
from sas_service.ports import EffectiveRole

if TYPE_CHECKING:
    from azure.mgmt.authorization import AuthorizationManagementClient

GUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", re.ASCII)
_MOST = 200
"""More assignments than this on one account for one principal are a mistake in the listing."""


@dataclass(frozen=True, slots=True)
class _Role:
    """What a definition says, as far as we may read it."""

    name: str | None
    data_actions: tuple[str, ...] | None


class AzureRoleAssignments:
    """Role assignments as the management API lists them."""

    def __init__(
        self,
        *,
        accounts: Callable[[str], Account],
        credential: PrefetchedCredential,
        outbound: Outbound,
        base_url: str = PUBLIC_CLOUD,
        attempts: Attempts | None = None,
    ) -> None:
        self._accounts = accounts
        self._attempts = attempts or Attempts(Patience())
        self._clients = authorization_clients(credential, outbound, base_url)

    def effective(self, account: str, principal_id: str) -> tuple[EffectiveRole, ...]:
        """Return every role that ``principal_id`` has at the account or above it.

        Raises AzureUnavailable, AzureThrottled, AzureRefused, IdentityUnavailable; ValueError for what is no object id.
        """
        if GUID.fullmatch(principal_id) is None:
            raise ValueError("a principal is named by its object id, a GUID")
        definition = self._accounts(account)
        client, scope = self._clients.get(definition.subscription), account_scope(definition)
        # atScope() takes in the scopes above, assignedTo() the groups that the principal is in.
        chosen = f"atScope() and assignedTo('{principal_id}')"

        def send(timeouts: Timeouts) -> list[Any] | Failure:
            pages = client.role_assignments.list_for_scope(
                scope,
                filter=chosen,
                connection_timeout=timeouts.connection_timeout,
                read_timeout=timeouts.read_timeout,
            )
            found = list(islice(pages, _MOST + 1))
            return unreadable() if len(found) > _MOST or not all(map(_is_whole, found)) else found

        found = self._attempts.run("List role assignments", send).answer
        roles = {role_id: self._role(client, scope, role_id) for role_id in {_role_id(one) for one in found}}
        return tuple(_effective(one, scope, principal_id, roles) for one in found)

    def _role(self, client: "AuthorizationManagementClient", scope: str, role_id: str) -> _Role:
        def send(timeouts: Timeouts) -> _Role:
            role = client.role_definitions.get(
                scope,
                role_id,
                connection_timeout=timeouts.connection_timeout,
                read_timeout=timeouts.read_timeout,
            )
            return _Role(role.role_name if isinstance(role.role_name, str) else None, _data_actions(role))

        try:
            return self._attempts.run("Get role definition", send).answer
        except AzureRefused:
            return _Role(None, None)


def account_scope(account: Account) -> str:
    """Return the account's ARM id."""
    return (
        f"/subscriptions/{account.subscription}/resourceGroups/{account.resource_group}"
        f"/providers/Microsoft.Maps/accounts/{account.resource_name}"
    )


def _is_whole(assignment: Any) -> bool:
    names = ("id", "scope", "role_definition_id", "principal_id")
    return all(isinstance(getattr(assignment, name, None), str) for name in names)


def _role_id(assignment: Any) -> str:
    """Return the trailing GUID: the rest of a definition's id comes with and without the subscription."""
    return str(assignment.role_definition_id).rstrip("/").rpartition("/")[2].lower()


def _data_actions(role: Any) -> tuple[str, ...]:
    granted = (action for each in role.permissions or () for action in each.data_actions or ())
    return tuple(action for action in granted if isinstance(action, str))


def _effective(assignment: Any, scope: str, principal_id: str, roles: dict[str, _Role]) -> EffectiveRole:
    role_id = _role_id(assignment)
    return EffectiveRole(
        assignment_id=assignment.id,
        scope=assignment.scope,
        role_id=role_id,
        role_name=roles[role_id].name,
        principal_id=assignment.principal_id,
        principal_type=str(assignment.principal_type or ""),
        inherited=assignment.scope.rstrip("/").lower() != scope.lower(),
        through_group=assignment.principal_id.lower() != principal_id.lower(),
        conditional=bool(assignment.condition),
        data_actions=roles[role_id].data_actions,
    )
