"""Which slot signs now: the account's key and the profile's identity, with the principal that Azure gives it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from sas_service.domain.errors import AzureRefused, IdentityDetached, SasServiceError
from sas_service.domain.policy import Profile
from sas_service.domain.slots import AccountSlots, Slot
from sas_service.domain.tokens import Grant
from sas_service.ports import AccountFacts, MapsAccount, Slots
from sas_service.services.deny import Allowed

FACTS_MAX_AGE = timedelta(minutes=5)
"""A principalId never changes while its identity is attached; what else the facts say may be this old."""


def first_named(profile: Profile) -> str:
    """Return the first identity as written: right where nothing was ever cut."""
    return profile.identities[0]


class ActiveSlots:
    """Reads slots through a copy in this process; the epoch check of ``AuditLog.reserve`` catches a stale one."""

    def __init__(
        self, *, slots: Slots, maps_account: MapsAccount, first: Callable[[Profile], str] = first_named
    ) -> None:
        self._first = first
        self._slots = slots
        self._maps_account = maps_account
        self._copies: dict[str, AccountSlots] = {}

    def of(self, allowed: Allowed) -> tuple[Slot, AccountFacts]:
        """Return the slot and the account's facts. Raises IdentityDetached when the identity is not attached."""
        account, profile = allowed.account.name, allowed.profile
        active = self._copies.get(account)
        if active is None or profile.name not in active.identities:
            active = self._fresh(account, profile)
        facts = self._maps_account.facts(account, max_age=FACTS_MAX_AGE)
        if active.identities[profile.name] not in facts.principals:
            # Either copy may be old: a revocation has attached one identity, or switched and detached the other.
            active, facts = self._fresh(account, profile), self._maps_account.facts(account, max_age=timedelta(0))
        identity = active.identities[profile.name]
        if identity not in facts.principals:
            raise _detached(account, identity)
        slot = Slot(account, active.epoch, active.signing_key, identity, facts.principals[identity])
        return slot, facts

    @contextmanager
    def told_apart(self, grant: Grant) -> Iterator[None]:
        """Tell a refusal for want of the identity, of which the copy of the facts may not know yet, from others."""
        try:
            yield
        except AzureRefused:
            if self._is_detached(grant):
                raise _detached(grant.account, grant.identity) from None
            raise

    def _is_detached(self, grant: Grant) -> bool:
        try:
            facts = self._maps_account.facts(grant.account, max_age=timedelta(0))
        except SasServiceError:
            return False  # what was said first stands
        return grant.identity not in facts.principals

    def _fresh(self, account: str, profile: Profile) -> AccountSlots:
        active = self._slots.initialise(account, {})
        if profile.name not in active.identities:
            active = self._slots.initialise(account, {profile.name: self._first(profile)})
        self._copies[account] = active
        return active

    def forget(self, account: str) -> None:
        """Drop the copy: the epoch has moved."""
        self._copies.pop(account, None)


def _detached(account: str, identity: str) -> IdentityDetached:
    return IdentityDetached(f"The identity {identity} is not attached to the account {account}.")
