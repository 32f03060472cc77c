"""The doctor's view of the managed identities behind the tokens: attached, near enough, and with the right roles."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sas_service.domain.errors import SasServiceError
from sas_service.domain.policy import Account, Profile
from sas_service.ports import AccountFacts, ManagedIdentities, ManagementLocks, Readiness, RoleAssignments
from sas_service.services.diagnose_roles import role_findings
from sas_service.services.findings import Finding, Subject


@dataclass(frozen=True, slots=True)
class OperatorsView:
    """What can be looked at with the operating identity; ``credential`` asks whether it can log in at all."""

    credential: Readiness
    role_assignments: RoleAssignments
    identities: ManagedIdentities
    locks: ManagementLocks


def identity_findings(
    identity: str, profiles: Sequence[Profile], account: Account, facts: AccountFacts, operator: OperatorsView | None
) -> Iterator[Finding]:
    """Yield findings of one identity, which ``profiles`` use."""
    subject = Subject(f"identity {identity} of {account.name}")
    principal = facts.principals.get(identity)
    if principal is None:
        yield subject.fail(
            "is not attached to the account, or does not exist any more",
            f"attach {account.identities[identity]} (portal: the account's Identity). While it signs for a profile,"
            " that issues nothing (503 identity-detached): docs/revocation.md, What others have changed",
        )
    else:
        yield subject.ok("is attached to the account")
    if operator is None:
        return
    yield _location(subject, account.identities[identity], facts.location, operator)
    if principal is not None:
        yield from _roles(subject, profiles, account.name, principal, operator)


def _location(subject: Subject, resource_id: str, wanted: str, operator: OperatorsView) -> Finding:
    try:
        location = operator.identities.location(resource_id)
    except SasServiceError as error:
        return subject.warn(
            "cannot be looked at", f"{error.detail} The operator needs userAssignedIdentities/read on it"
        )
    if location.lower() != wanted.lower():
        return subject.fail(
            f"is in {location}, the account in {wanted}",
            "Azure Maps learns of renewed or deleted identities only in its own location: use one there",
        )
    return subject.ok(f"is in {location}, like the account")


def _roles(
    subject: Subject, profiles: Sequence[Profile], account: str, principal: str, operator: OperatorsView
) -> Iterator[Finding]:
    try:
        found = operator.role_assignments.effective(account, principal)
    except SasServiceError as error:
        yield subject.warn(
            "has roles that cannot be read", f"{error.detail} The operator needs roleAssignments/read on the account"
        )
        return
    yield from role_findings(subject, profiles, found, account)
