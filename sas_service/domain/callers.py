"""The Caller: the authenticated HTTP client, never the managed identity behind a token."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sas_service.domain.tokens import SHARED


class Role(StrEnum):
    """The app roles of our own API (design.md section 6)."""

    TOKENS_ISSUE = "Tokens.Issue"
    AUDIT_READ = "Audit.Read"
    REVOCATIONS_MANAGE = "Revocations.Manage"
    REVOCATIONS_APPROVE = "Revocations.Approve"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: tenant and object id are the key, the rest is for policy and audit.

    ``kind`` is ``application`` (client credentials, ``roles`` claim) or ``user`` (delegated, ``scp`` claim).
    ``roles`` are the permissions that the token really gives (``caller_roles`` decides).
    """

    tenant_id: str
    object_id: str
    application_id: str
    kind: str
    roles: frozenset[Role]
    groups: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        """The stable name of this caller, for idempotency, folding and indexes."""
        return f"{self.object_id}/{self.application_id}"

    def document(self) -> Mapping[str, str]:
        """The caller as it stands in records, events and answers."""
        return {
            "tenantId": self.tenant_id,
            "objectId": self.object_id,
            "applicationId": self.application_id,
            "kind": self.kind,
        }


ALL_OF_THE_TEAM = Caller(tenant_id="", object_id="*", application_id="*", kind=SHARED, roles=frozenset())
"""Who a shared token is on record for. No client has this id, so none can be suspended or excused in its name."""


def caller_roles(*, roles: frozenset[str], scopes: frozenset[str], delegated: bool) -> frozenset[Role]:
    """Return what the claims allow.

    An application has what its ``roles`` say. A user's page may issue with the delegated scope alone (teams and
    policy bound it); reading the audit log and revoking need the scope *and* the user's own role, so that no page
    can do more than its user, and no user more than the page was consented to.
    """
    known = {role.value: role for role in Role}
    granted = scopes if delegated else roles
    return frozenset(
        role
        for name, role in known.items()
        if name in granted and (not delegated or role is Role.TOKENS_ISSUE or name in roles)
    )
