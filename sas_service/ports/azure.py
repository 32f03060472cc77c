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
class CorsReading:
    """An account's own CORS rule, as read: ``origins`` None is no rule, by which every origin is allowed.

    ``others`` has every other member of the account in a comparable form: what a change of the rule must leave alone.
    """

    origins: tuple[str, ...] | None
    provisioning_state: str
    others: Mapping[str, str]

    @property
    def settled(self) -> bool:
        """Whether the account can be changed: Azure refuses updates in any other state."""
        return self.provisioning_state in {"Succeeded", "Failed"}


class AccountCors(Protocol):
    """The CORS rule of Azure Maps accounts; all methods raise AzureUnavailable, AzureThrottled, AzureRefused, and
    IdentityUnavailable.
    """

    def read(self, account: str) -> CorsReading:
        """Return the rule as it is now."""
        ...

    def write(self, account: str, origins: tuple[str, ...] | None, *, request_id: str) -> str | None:
        """Set the one rule, or remove it (None), and touch nothing else; returns Azure's request id.

        Sent once, whatever happens. ``extra['effect']`` of an error is ``none`` if nothing was changed, else
        ``unknown``.
        """
        ...

    def confirm(self, account: str, origins: tuple[str, ...] | None) -> CorsReading:
        """Read until the account is settled and shows ``origins``, or patience is over; returns the last reading."""
        ...


@dataclass(frozen=True, slots=True)
class EffectiveRole:
    """One assignment that gives a principal a role.

    ``role_name`` and ``data_actions`` are None if we may not read the definition; ``data_actions`` are patterns, those
    that the definition takes away again not regarded.
    """

    assignment_id: str
    scope: str
    role_id: str
    role_name: str | None
    principal_id: str
    principal_type: str
    inherited: bool
    through_group: bool
    conditional: bool
    data_actions: tuple[str, ...] | None = None


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


@dataclass(frozen=True, slots=True)
class ManagementLock:
    """A lock: ``read_only`` refuses writes and POST actions, List SAS included; any lock refuses deletions."""

    scope: str
    read_only: bool


class ManagementLocks(Protocol):
    """Azure's management locks."""

    def over(self, account: str) -> tuple[ManagementLock, ...]:
        """Return the locks at the account and above it.

        Raises AzureUnavailable, AzureThrottled, AzureRefused, IdentityUnavailable.
        """
        ...
