"""Read the world once, and make a plan of it; nothing is changed."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from sas_service.domain.errors import InvalidRequest, NotFound, Violation
from sas_service.domain.plans import Asked, Plan, make_plan
from sas_service.domain.policy import Policy
from sas_service.domain.revocations import State, Target
from sas_service.domain.runs import Revocation
from sas_service.domain.situations import AzureReading, RoleReading, Situation
from sas_service.domain.slots import SigningKey
from sas_service.domain.tokens import TokenRecord, account_of
from sas_service.steps.run import World


class Planning:
    """Makes plans from what is true now."""

    def __init__(self, world: World) -> None:
        self._world = world

    def plan(self, asked: Asked) -> Plan:
        """Return the plan for what is asked. Raises InvalidRequest, NotFound, and what reading Azure may raise."""
        return make_plan(asked, self.situation(self.account(asked.target)))

    def account(self, target: Target) -> str:
        """Return the one account that ``target`` is on: there is one plan per account.

        Raises NotFound with everything that is not known at once, InvalidRequest for a target on several accounts.
        """
        policy = self._world.policies.current()
        found = {value: self._accounts_of(target, value, policy) for value in target.values}
        if not found or not all(found.values()):
            raise NotFound("There is no such target.", violations=tuple(_unknown(target, found)))
        accounts = frozenset[str]().union(*found.values())
        if len(accounts) > 1:
            raise InvalidRequest(
                "The target is on several accounts.",
                violations=(Violation("/target", ", ".join(sorted(accounts)), "one account", "revocation.account"),),
            )
        return next(iter(accounts))

    def situation(self, account: str) -> Situation:
        """Return everything that a plan for ``account`` is made of."""
        world, policy, now = self._world, self._world.policies.current(), self._world.clock.now()
        runs = world.journal.of(account)
        records = world.census.unexpired(account, now)
        return Situation(
            account=policy.accounts[account],
            profiles={name: each for name, each in policy.profiles.items() if each.account == account},
            slots=world.slots.read(account),
            records=records,
            past=world.past(account),
            azure=self._azure(account, runs, records),
            now=now,
            pace=world.pace,
            writes=world.writes,
            shared_key_secrets=bool(policy.accounts[account].shared_key_secrets),
            suspended=frozenset((each.kind, each.id) for each in world.suspensions.list()),
        )

    def _accounts_of(self, target: Target, value: str, policy: Policy) -> frozenset[str]:
        known = frozenset(policy.accounts)
        if target.kind in {"account", "signingKey"}:
            return known & {target.account or value}
        if target.kind == "identity":
            return frozenset(name for name, each in policy.accounts.items() if value in each.identities)
        if target.kind in {"tokens", "fingerprints"}:
            record = self._record(target.kind, value, sorted(known))
            return known & {record.grant.account} if record else frozenset()
        profiles = {value} if target.kind == "profile" else _profiles_of(policy, value)
        return known & {policy.profiles[name].account for name in profiles if name in policy.profiles}

    def _record(self, kind: str, value: str, accounts: Sequence[str]) -> TokenRecord | None:
        if kind == "fingerprints":
            return self._world.audit_log.token_by_fingerprint(accounts, value)
        return self._world.audit_log.token(value) if account_of(value) in accounts else None

    def _azure(self, account: str, runs: tuple[Revocation, ...], records: tuple[TokenRecord, ...]) -> AzureReading:
        world = self._world
        facts = world.maps_account.facts(account, max_age=timedelta(0))
        principals = {record.grant.identity: record.grant.principal_id for record in records} | dict(facts.principals)
        return AzureReading(
            location=facts.location,
            local_auth_disabled=facts.local_auth_disabled,
            attached=world.identities.read(account).attached,
            roles={name: self._roles(account, principal) for name, principal in principals.items()},
            principals=principals,
            key_changes=self._key_changes(account, runs),
        )

    def _roles(self, account: str, principal: str) -> RoleReading:
        effective = self._world.roles.effective(account, principal)
        foreign = [each for each in effective if each.inherited or each.through_group]
        own = [each.assignment_id for each in effective if each not in foreign]
        return RoleReading(tuple(own), tuple(f"{each.role_name or each.role_id} at {each.scope}" for each in foreign))

    def _key_changes(self, account: str, runs: tuple[Revocation, ...]) -> tuple[SigningKey, ...]:
        """The keys that are not what was left behind."""
        known = self._known_keys(account, runs)
        if known is None:
            return ()
        now = self._world.keys.read(account).fingerprints
        return tuple(key for key in SigningKey if known.get(key.value) != now[key])

    def _known_keys(self, account: str, runs: tuple[Revocation, ...]) -> Mapping[str, object] | None:
        """What the newest completed run, or a lockdown released since, left behind."""
        done = next((run for run in runs if run.state is State.COMPLETED and run.steps), None)
        released = next((each for each in self._world.lockdowns.of(account) if each.ended_at and each.left), None)
        if released and (done is None or done.ended_at is None or done.ended_at < (released.ended_at or done.ended_at)):
            return released.left
        known = done.steps[-1].evidence.get("keyFingerprints") if done else None
        return known if isinstance(known, dict) else None


def _unknown(target: Target, found: Mapping[str, frozenset[str]]) -> Iterator[Violation]:
    is_list = target.kind in {"tokens", "fingerprints"}
    for number, (value, accounts) in enumerate(found.items()):
        if not accounts:
            place = f"/target/{target.kind}/{number}" if is_list else f"/target/{target.kind}"
            yield Violation(place, value, "one that is on record or in the policy", "revocation.target")


def _profiles_of(policy: Policy, team: str) -> frozenset[str]:
    return frozenset(policy.teams[team].profiles) if team in policy.teams else frozenset()
