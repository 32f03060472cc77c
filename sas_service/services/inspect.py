"""Look at tokens, profiles, accounts and events, within what the caller may see."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sas_service.domain.audit import SERVICE_STREAM
from sas_service.domain.callers import Caller, Role
from sas_service.domain.cuts import Past
from sas_service.domain.errors import InvalidRequest, MissingRole, NotFound, Violation
from sas_service.domain.policy import Account, Profile, profiles_of, team_for, teams_of
from sas_service.domain.slots import AccountSlots
from sas_service.domain.tokens import TokenRecord, TokenState, account_of
from sas_service.ports import (
    AccountFacts,
    Accounts,
    AuditLog,
    EventPage,
    EventQuery,
    MapsAccount,
    Policies,
    Slots,
    TokenQuery,
)
from sas_service.services.named_accounts import NamedAccounts

FACTS_MAX_AGE = timedelta(minutes=1)
"""How old the shown facts of an account may be."""


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account as shown; ``slots`` only for callers with Revocations.Manage."""

    account: Account
    facts: AccountFacts
    slots: AccountSlots | None


@dataclass(frozen=True, slots=True)
class SeenTokens:
    """A page of tokens, each with its state at the moment that was asked about, and the cursor to go on."""

    items: tuple[tuple[TokenRecord, TokenState], ...]
    next: str | None


class Inspection:
    """Reading, without changing anything; ``past`` tells what was cut on an account.

    Lists are of all ``accounts``, also of those that have left the policy with their records.
    """

    def __init__(
        self,
        *,
        policies: Policies,
        audit_log: AuditLog,
        slots: Slots,
        maps_account: MapsAccount,
        past: Callable[[str], Past],
        accounts: Accounts,
    ) -> None:
        self._policies = policies
        self._audit_log = audit_log
        self._slots = slots
        self._maps_account = maps_account
        self._past = past
        self._known = NamedAccounts(accounts=accounts, slots=slots)

    def token(self, token_id: str, caller: Caller) -> TokenRecord:
        """Return the record; raises NotFound if there is none, or none that ``caller`` may see."""
        record = self._audit_log.token(token_id) if self._known.has(account_of(token_id)) else None
        if record is None or not self._may_see(record, caller):
            raise NotFound("there is no such token, or it is another team's")
        return record

    def tokens(
        self,
        caller: Caller,
        *,
        account: str | None,
        team: str | None,
        cursor: str | None,
        limit: int,
        now: datetime,
        **filters: Any,
    ) -> SeenTokens:
        """List tokens: of the caller's teams, or of all with Audit.Read; ``filters`` are members of ``TokenQuery``.

        ``id`` and ``fingerprint`` find one token, and stand alone. Raises InvalidRequest for either beside another, and
        for an account that nobody knows.
        """
        found = _alone({**filters, "account": account, "team": team})
        if found is not None:
            record = self._found(*found)
            records = (record,) if record and self._may_see(record, caller) else ()
            return SeenTokens(_stated(records, self._pasts(_accounts_of(records)), now), None)
        teams = None if team is None else frozenset({team})
        if Role.AUDIT_READ not in caller.roles:
            own = self._teams(caller)
            teams = own if teams is None else own & teams
        accounts = self._accounts(account)
        # Read once: what the filter judges a state by is what the state is shown by.
        pasts = self._pasts(accounts if filters.get("states") is not None else ())
        query = TokenQuery(accounts=accounts, teams=teams, now=now, pasts=pasts, **filters)
        page = self._audit_log.tokens(query, cursor=cursor, limit=limit)
        return SeenTokens(_stated(page.items, pasts or self._pasts(_accounts_of(page.items)), now), page.next)

    def state(self, record: TokenRecord, now: datetime) -> TokenState:
        """Return the honest word for a token, what was cut included. Raises AuditLogUnavailable."""
        return self._past(record.grant.account).state(record, now)

    def _pasts(self, accounts: Iterable[str]) -> Mapping[str, Past]:
        return {name: self._past(name) for name in accounts}

    def by_fingerprint(self, fingerprint: str) -> TokenRecord | None:
        """Return the record of the token with this fingerprint, on any account, or None."""
        return self._audit_log.token_by_fingerprint(self._accounts(None), fingerprint)

    def _found(self, name: str, value: str) -> TokenRecord | None:
        if name == "fingerprint":
            return self.by_fingerprint(value)
        return self._audit_log.token(value) if self._known.has(account_of(value)) else None

    def profiles(self, caller: Caller) -> tuple[tuple[Profile, str], ...]:
        """Return the profiles that the caller may use, each with the team that gives it."""
        policy = self._policies.current()
        found = ((profile, team_for(policy, caller, profile.name)) for profile in profiles_of(policy, caller))
        return tuple((profile, team.name) for profile, team in found if team is not None)

    def accounts(self, caller: Caller) -> tuple[AccountView, ...]:
        """Return all accounts of the policy, by name. Raises what ``account`` raises."""
        return tuple(self.account(name, caller) for name in sorted(self._policies.current().accounts))

    def account(self, name: str, caller: Caller, *, fresh: bool = False) -> AccountView:
        """Return one account; raises NotFound, and AzureUnavailable or its kin when Azure cannot be asked.

        ``fresh``: for who administers, ask Azure now; all others are shown facts of at most a minute ago.
        """
        account = self._policies.current().accounts.get(name)
        if account is None:
            raise NotFound("there is no such account")
        administers = Role.REVOCATIONS_MANAGE in caller.roles
        facts = self._maps_account.facts(name, max_age=timedelta(0) if fresh and administers else FACTS_MAX_AGE)
        slots = self._slots.read(name) if administers else None
        return AccountView(account, facts, slots)

    def events(
        self,
        caller: Caller,
        *,
        account: str | None,
        cursor: str | None,
        limit: int,
        token: str | None = None,
        fingerprint: str | None = None,
        **filters: Any,
    ) -> EventPage:
        """List audit events, newest first; ``filters`` are members of ``EventQuery``.

        Raises MissingRole without Audit.Read, InvalidRequest for an account that nobody knows.
        """
        if Role.AUDIT_READ not in caller.roles:
            raise MissingRole("reading the audit log needs the app role Audit.Read", role=Role.AUDIT_READ.value)
        if fingerprint is not None:
            record = self.by_fingerprint(fingerprint)
            if record is None or token not in {None, record.id}:
                return EventPage((), None)
            token = record.id
        streams = self._accounts(account)
        if account is None and token is None:
            streams = (*streams, SERVICE_STREAM)
        if token is not None:
            of_token = account_of(token)
            known = account in {None, of_token} and self._known.has(of_token)
            streams = (of_token,) if of_token and known else ()
        query = EventQuery(streams=streams, token=token, **filters)
        return self._audit_log.events(query, cursor=cursor, limit=limit)

    def _accounts(self, account: str | None) -> tuple[str, ...]:
        return (SERVICE_STREAM,) if account == SERVICE_STREAM else self._known.chosen(account)

    def _may_see(self, record: TokenRecord, caller: Caller) -> bool:
        if Role.AUDIT_READ in caller.roles:
            return True
        return record.grant.team in self._teams(caller)

    def _teams(self, caller: Caller) -> frozenset[str]:
        return frozenset(team.name for team in teams_of(self._policies.current(), caller))


def _accounts_of(records: Iterable[TokenRecord]) -> frozenset[str]:
    return frozenset(record.grant.account for record in records)


def _stated(
    records: Iterable[TokenRecord], pasts: Mapping[str, Past], now: datetime
) -> tuple[tuple[TokenRecord, TokenState], ...]:
    return tuple((record, pasts[record.grant.account].state(record, now)) for record in records)


def _alone(filters: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return which filter names one token, and its value; raises InvalidRequest if others stand beside it."""
    said = {name: value for name, value in filters.items() if value is not None}
    names = [name for name in ("id", "fingerprint") if name in said]
    if not names:
        return None
    if len(said) > 1:
        allowed = "no other filter beside it"
        violations = tuple(Violation(f"query:{name}", said[name], allowed, "query.alone") for name in names)
        raise InvalidRequest("One token is asked for, and filtered as well.", violations=violations)
    return names[0], said[names[0]]
