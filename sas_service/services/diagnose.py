"""The doctor's questions: is everything there that issuing needs, and what to do about what is not."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sas_service.domain.errors import SasServiceError
from sas_service.domain.policy import Account, Policy, Profile
from sas_service.ports import AccountFacts, ManagedIdentities, MapsAccount, Readiness, RoleAssignments


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; ``advice`` says what to do if it is not ``good``."""

    good: bool
    what: str
    advice: str = ""


class Diagnosis:
    """Asks every dependency and every account; changes nothing."""

    def __init__(
        self,
        *,
        policy: Policy,
        readiness: Sequence[Readiness],
        maps_account: MapsAccount,
        role_assignments: RoleAssignments | None,
        identities: ManagedIdentities | None,
    ) -> None:
        self._policy = policy
        self._readiness = readiness
        self._maps_account = maps_account
        self._role_assignments = role_assignments
        self._identities = identities

    def run(self) -> Iterator[Finding]:
        """Yield findings one by one, so that a terminal shows progress."""
        for each in self._readiness:
            yield _asked(f"{each.name} answers", each.check, "see docs/configuration.md for its settings")
        for name in sorted(self._policy.accounts):
            yield from self._account(self._policy.accounts[name])

    def _account(self, account: Account) -> Iterator[Finding]:
        try:
            facts = self._maps_account.facts(account.name, max_age=timedelta(0))
        except SasServiceError as error:
            yield Finding(
                good=False,
                what=f"account {account.name} can be read",
                advice=f"{error.detail}; the issuer needs accounts/read",
            )
            return
        yield Finding(good=True, what=f"account {account.name} can be read")
        yield from _account_findings(account, facts)
        profiles = [each for each in self._policy.profiles.values() if each.account == account.name]
        for identity in sorted({identity for profile in profiles for identity in profile.identities}):
            yield from self._identity(account, facts, identity, profiles)

    def _identity(
        self, account: Account, facts: AccountFacts, identity: str, profiles: list[Profile]
    ) -> Iterator[Finding]:
        principal = facts.principals.get(identity)
        yield Finding(
            principal is not None,
            f"identity {identity} is attached to {account.name}",
            "attach it to the Maps account (az resource update, or the portal's Identity page)",
        )
        yield from self._location(account, facts, identity)
        if principal is None or self._role_assignments is None:
            return
        wanted = {profile.data_role for profile in profiles if identity in profile.identities}
        try:
            found = self._role_assignments.effective(account.name, principal)
        except SasServiceError as error:
            yield Finding(
                good=False,
                what=f"roles of {identity} can be read",
                advice=f"{error.detail}; the operator needs roleAssignments/read",
            )
            return
        held = {name for role in found for name in (role.role_id, role.role_name) if name}
        for role in sorted(wanted):
            yield Finding(
                role in held or role.lower() in held,
                f"identity {identity} has the role {role}",
                f"assign {role} to it at the scope of the account",
            )

    def _location(self, account: Account, facts: AccountFacts, identity: str) -> Iterator[Finding]:
        if self._identities is None:
            return
        try:
            location = self._identities.location(account.identities[identity])
        except SasServiceError as error:
            yield Finding(
                good=False,
                what=f"identity {identity} can be read",
                advice=f"{error.detail}; the operator needs userAssignedIdentities/read",
            )
            return
        yield Finding(
            location.lower() == facts.location.lower(),
            f"identity {identity} is in the account's location",
            f"it is in {location}, the account in {facts.location}: Azure Maps wants them together",
        )


def _account_findings(account: Account, facts: AccountFacts) -> tuple[Finding, ...]:
    return (
        Finding(
            facts.location.lower() != "global",
            f"account {account.name} is not in the location global",
            "accounts in global do not support managed identities: create one in a region",
        ),
        Finding(
            not facts.local_auth_disabled,
            f"account {account.name} accepts SAS tokens (local authentication is on)",
            "disableLocalAuth is true: every SAS token is refused until it is false",
        ),
        Finding(
            facts.provisioning_state == "Succeeded",
            f"account {account.name} is in a terminal state",
            f"its provisioning state is {facts.provisioning_state}: wait, then look again",
        ),
    )


def _asked(what: str, question: Callable[[], object], advice: str) -> Finding:
    try:
        question()
    except SasServiceError as error:
        reasons = "; ".join(str(each.allowed) for each in error.violations)
        return Finding(good=False, what=what, advice=f"{error.detail}{': ' + reasons if reasons else ''} ({advice})")
    return Finding(good=True, what=what)
