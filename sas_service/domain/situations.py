"""Everything a plan is made of, read at one moment: tokens, slots, the policy's account, and what Azure shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from sas_service.domain.arm_budget import PUBLISHED, BucketLimits
from sas_service.domain.blast_radius import live_tokens
from sas_service.domain.cuts import Past
from sas_service.domain.first_identities import first_identity
from sas_service.domain.pace import Pace
from sas_service.domain.policy import Account, Profile
from sas_service.domain.slots import AccountSlots, SigningKey
from sas_service.domain.tokens import TokenRecord


@dataclass(frozen=True, slots=True)
class RoleReading:
    """The roles of one identity at the account: which of them are its own there, and which come from elsewhere."""

    own: tuple[str, ...] = ()
    inherited: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AzureReading:
    """What Azure shows; ``roles`` by identity name, ``key_changes`` are keys that changed behind our back."""

    location: str
    local_auth_disabled: bool
    attached: frozenset[str]
    roles: Mapping[str, RoleReading]
    principals: Mapping[str, str]
    key_changes: tuple[SigningKey, ...] = ()

    def serves(self, identity: str) -> bool:
        """Tell whether ``identity`` is attached and has a role: tokens that hang on it can work now."""
        roles = self.roles.get(identity, RoleReading())
        return identity in self.attached and bool(roles.own or roles.inherited)


@dataclass(frozen=True)
class Situation:
    """The world at ``now``; ``records`` are all unexpired tokens, ``profiles`` those of the account."""

    account: Account
    profiles: Mapping[str, Profile]
    slots: AccountSlots
    records: tuple[TokenRecord, ...]
    past: Past
    azure: AzureReading
    now: datetime
    pace: Pace
    writes: BucketLimits = PUBLISHED
    shared_key_secrets: bool = False
    suspended: frozenset[tuple[str, str]] = field(default_factory=frozenset)

    @cached_property
    def live(self) -> tuple[TokenRecord, ...]:
        """The tokens that an application could still use."""
        return live_tokens(self.records, self.past, self.now)

    def active_identity(self, profile: Profile) -> str:
        """Return what signs for ``profile``, or will once its first token is asked for."""
        signing = self.slots.identities.get(profile.name)
        return signing or first_identity(
            profile, self.past, self.records, now=self.now, quarantine=self.pace.quarantine
        )

    def revives(self, identity: str) -> bool:
        """Tell whether a role for ``identity`` would bring back tokens that were taken away with its role."""
        soft = (each for each in self.records if each.grant.identity == identity and self.past.is_soft(each))
        return any(each.grant.expiry > self.now and not self.past.is_gone(each) for each in soft)

    def quarantined_until(self, name: str) -> datetime | None:
        """Return when the quarantine of a key or identity ends, None if it is in none."""
        return self.past.quarantined_until(name, self.pace.quarantine, self.now)
