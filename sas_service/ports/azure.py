"""What the service needs of Azure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from sas_service.domain.tokens import Grant, SasToken


@dataclass(frozen=True, slots=True)
class Signed:
    """List SAS's answer: the secret, Azure's request id, and how many times the call was sent."""

    token: SasToken
    azure_request_id: str | None
    attempts: int


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What Azure says of an account; ``principals`` maps the policy's identity names to principalIds, if attached."""

    client_id: str
    location: str
    local_auth_disabled: bool
    provisioning_state: str
    principals: Mapping[str, str]


class MapsAccount(Protocol):
    """Azure Maps accounts behind the management API."""

    def facts(self, account: str, *, max_age: timedelta) -> AccountFacts:
        """Return facts at most ``max_age`` old.

        Raises AzureUnavailable, AzureThrottled, AzureRefused, IdentityUnavailable.
        """
        ...

    def sign(self, grant: Grant, *, request_id: str) -> Signed:
        """Call List SAS for ``grant``.

        Raises AzureUnavailable, AzureThrottled, AzureRefused, IdentityUnavailable; none of them carries Azure's text.
        """
        ...


@dataclass(frozen=True, slots=True)
class EffectiveRole:
    """One assignment that gives a principal a role; ``role_name`` is None if we may not read the definition."""

    assignment_id: str
    scope: str
    role_id: str
    role_name: str | None
    principal_id: str
    principal_type: str
    inherited: bool
    through_group: bool
    conditional: bool


class RoleAssignments(Protocol):
    """Azure's role assignments."""

    def effective(self, account: str, principal_id: str) -> tuple[EffectiveRole, ...]:
        """Return every role that ``principal_id`` has at the account: its own, inherited ones, those through groups.

        Raises AzureUnavailable, AzureThrottled, AzureRefused, IdentityUnavailable.
        """
        ...


class ManagedIdentities(Protocol):
    """Azure's user-assigned managed identities."""

    def location(self, resource_id: str) -> str:
        """Return where the identity lives.

        Raises AzureUnavailable, AzureThrottled, AzureRefused, IdentityUnavailable.
        """
        ...
