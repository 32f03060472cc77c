"""The doctor's questions: is everything there that issuing and revoking need, and what to do about what is not."""

from collections.abc import Generator, Iterator, Sequence
from datetime import timedelta

from sas_service.domain.arm_scopes import in_words
from sas_service.domain.errors import SasServiceError
from sas_service.domain.policy import Account, Policy, shared_profiles
from sas_service.ports import AccountFacts, MapsAccount, Readiness
from sas_service.services.diagnose_identities import OperatorsView, identity_findings
from sas_service.services.findings import Finding, Grade, Subject

_SERVICE = Subject("the service")


class Diagnosis:
    """Asks every dependency and every account; changes nothing. ``operator`` is None where none is set.

    ``seals`` tells whether there is a key to seal shared tokens with.
    """

    def __init__(
        self,
        *,
        policy: Policy,
        readiness: Sequence[Readiness],
        maps_account: MapsAccount,
        operator: OperatorsView | None,
        seals: bool,
    ) -> None:
        self._policy = policy
        self._readiness = readiness
        self._maps_account = maps_account
        self._operator = operator
        self._seals = seals

    def run(self) -> Iterator[Finding]:
        """Yield findings one by one, so that a terminal shows progress."""
        for each in self._readiness:
            yield _asked(each)
        shared = ", ".join(shared_profiles(self._policy))
        if shared and not self._seals:
            yield _SERVICE.fail(
                f"cannot share tokens: {shared}",
                "set SAS_SEALING_KEYS, the same for all processes; until then these profiles are answered 503",
            )
        operator = yield from self._usable_operator()
        for name in sorted(self._policy.accounts):
            yield from self._account(self._policy.accounts[name], operator)

    def _usable_operator(self) -> Generator[Finding, None, OperatorsView | None]:
        """Without its credential every question of the operator would fail for the same reason: none is asked."""
        if self._operator is None:
            yield _SERVICE.warn(
                "has no operating identity: locations, roles and locks were not looked at",
                "set SAS_OPERATOR_CLIENT_ID; issuing works without, changing an account and revoking do not",
            )
            return None
        found = _asked(self._operator.credential)
        yield found
        return self._operator if found.grade is Grade.OK else None

    def _account(self, account: Account, operator: OperatorsView | None) -> Iterator[Finding]:
        subject = Subject(f"account {account.name}")
        try:
            facts = self._maps_account.facts(account.name, max_age=timedelta(0))
        except SasServiceError as error:
            yield subject.fail("cannot be read by the issuer", f"{error.detail} The issuer needs accounts/read")
            return
        yield subject.ok("can be read by the issuer")
        yield from _of_account(subject, facts)
        if operator:
            yield from _locks(subject, operator, account)
        profiles = [each for each in self._policy.profiles.values() if each.account == account.name]
        for identity in sorted({identity for profile in profiles for identity in profile.identities}):
            users = [profile for profile in profiles if identity in profile.identities]
            yield from identity_findings(identity, users, account, facts, operator)


def _of_account(subject: Subject, facts: AccountFacts) -> Iterator[Finding]:
    if facts.location.lower() == "global":
        yield subject.fail(
            "is in the location global", "such accounts cannot have managed identities: make one in a region"
        )
    else:
        yield subject.ok(f"is in {facts.location}, not global")
    if facts.local_auth_disabled:
        yield subject.fail(
            "refuses SAS tokens: disableLocalAuth is true",
            "unless it is locked down on purpose, set it to false; Azure takes a few minutes",
        )
    else:
        yield subject.ok("accepts SAS tokens (local authentication is on)")
    if facts.provisioning_state == "Succeeded":
        yield subject.ok("is provisioned")
    else:
        yield subject.fail(
            f"is in the provisioning state {facts.provisioning_state or '(none)'}",
            "wait if it is changing, then look again; if it failed, Azure's activity log says why",
        )


def _locks(subject: Subject, operator: OperatorsView, account: Account) -> Iterator[Finding]:
    try:
        locks = operator.locks.over(account.name)
    except SasServiceError as error:
        yield subject.warn("may be locked: locks cannot be read", f"{error.detail} The operator needs locks/read")
        return
    for lock in locks:
        if lock.read_only:
            yield subject.fail(
                f"has a ReadOnly lock at {in_words(lock.scope)}",
                "Azure refuses List SAS and every change under it: remove it",
            )
        else:
            yield subject.warn(
                f"has a CanNotDelete lock at {in_words(lock.scope)}",
                "Azure may refuse to remove role assignments under it: a revocation could then only regenerate keys",
            )
    if not locks:
        yield subject.ok("has no lock")


def _asked(question: Readiness) -> Finding:
    try:
        question.check()
    except SasServiceError as error:
        reasons = "; ".join(str(each.allowed) for each in error.violations)
        said = f"{error.detail}: {reasons}" if reasons else error.detail
        return _SERVICE.fail(f"has no working {question.name}", f"{said} (settings: docs/configuration.md)")
    return _SERVICE.ok(f"has a working {question.name}")
