"""The policy: accounts, profiles and teams as one checked value, and who belongs to which team."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from sas_service.domain.callers import Caller
from sas_service.domain.quotas import Quota

POLICY_CEILING = timedelta(days=365)
"""No token lives longer (seed 004: "max expiration of 1 year (365 days)")."""

MINIMUM_LIFETIME = timedelta(minutes=10)
"""The default minimum: the Web SDK refetches at ``exp`` - 300 s and loops on less (azure-facts.md, section 7)."""

CLOCK_SKEW = timedelta(seconds=60)
"""How far before now a token starts when nobody asked for a start, so that a slower clock at Azure accepts it."""

SHORTEST_MINIMUM = timedelta(minutes=5, seconds=1)
"""No profile may promise less: what lives 300 s or less makes the Web SDK ask for ever."""

DEFAULT_LIFETIME = timedelta(hours=1)
"""What a profile hands out when neither the request nor the profile says how long, as far as its limits let it."""

LEAST_LEFT = timedelta(minutes=10)
"""A shared token is handed out to nobody with less to live: the Web SDK loops on 300 s (design.md section 4)."""

SHORTEST_SHARED = timedelta(minutes=15)
"""The least lifetime of a shared token: LEAST_LEFT, and some time to be handed out and renewed in."""

DEFAULT_START_AHEAD = timedelta(hours=1)
"""How far ahead of now a token may start unless its profile says otherwise."""

DEFAULT_PLATFORM_CEILING = timedelta(hours=24)
"""What Azure documents today (azure-facts.md, "The lifetime ceiling"); an account that allows more must say so."""

MAXIMUM_RATE = 500
"""Azure's own limit of ``maxRatePerSecond`` (azure-facts.md, section 1.1)."""

SHORTEST_RETENTION = timedelta(days=30)
"""Nothing is removed for its age earlier: time enough to see that something was stolen, and to look for it."""

LOCATION_NAME = r"(?!any$)[a-z][a-z0-9]{1,62}"
"""The form of an Azure location's name; ``any`` is our own word for no restriction, never one of several regions."""


class Sharing(StrEnum):
    """Whether each caller gets a token of its own or all callers the same within a window."""

    EXCLUSIVE = "exclusive"
    SHARED = "shared"


@dataclass(frozen=True, slots=True, order=True)
class VaultSecret:
    """One secret of one Azure Key Vault: the vault's address and the secret's name."""

    vault: str
    secret: str

    @property
    def name(self) -> str:
        """How it is named in events and in what a run waits for."""
        return f"{self.vault}/secrets/{self.secret}"


@dataclass(frozen=True, slots=True)
class SharedKeySecret:
    """A secret from which daemons read an account's shared key; each reads it again within ``refresh_within``."""

    place: VaultSecret
    refresh_within: timedelta


@dataclass(frozen=True, slots=True)
class Approvals:
    """How many people beside the planner must agree to a revocation before it may start."""

    needed: int = 0
    in_emergency: int = 0

    def of(self, *, is_emergency: bool) -> int:
        """Return how many a plan needs."""
        return self.in_emergency if is_emergency else self.needed


class Standby(StrEnum):
    """Whether what would take over in a revocation is kept ready between runs, or brought up by the run."""

    WARM = "warm"
    COLD = "cold"


@dataclass(frozen=True, slots=True)
class Account:
    """One Azure Maps account; ``identities`` maps the policy's names to ARM resource ids."""

    name: str
    subscription: str
    resource_group: str
    resource_name: str
    hosts: tuple[str, ...]
    platform_ceiling: timedelta
    identities: Mapping[str, str]
    shared_key_secrets: tuple[SharedKeySecret, ...] = ()
    standby: Standby = Standby.WARM

    @property
    def resource_id(self) -> str:
        """The account's ARM resource id, in lower case: ARM compares without regard to case."""
        group = f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"
        return f"{group}/providers/Microsoft.Maps/accounts/{self.resource_name}".lower()


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that the live tokens of a profile's current epoch may be together; None is no limit."""

    live_tokens: int | None = None
    requests_per_second: int | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """What a team may ask for by name; ``regions`` None means the document says ``regions: any``.

    ``window`` is how long one shared token is the current one; None leaves it to ``domain/windows.py``.
    """

    name: str
    account: str
    data_role: str
    identities: tuple[str, ...]
    regions: tuple[str, ...] | None
    max_rate_per_second: int
    minimum_lifetime: timedelta
    maximum_lifetime: timedelta
    default_lifetime: timedelta
    start_ahead: timedelta
    sharing: Sharing
    cors_origins: tuple[str, ...] = ()
    window: timedelta | None = None
    key_vault_secret: VaultSecret | None = None
    budget: Budget | None = None


@dataclass(frozen=True, slots=True)
class Team:
    """Who belongs to a team (application ids, object ids, group ids) and which profiles it may use.

    Member ids are in lower case.
    """

    name: str
    applications: frozenset[str]
    objects: frozenset[str]
    groups: frozenset[str]
    profiles: tuple[str, ...]
    quota: Quota | None = None

    def has(self, caller: Caller) -> bool:
        """Tell whether ``caller`` is a member, by application, by object id or through a group."""
        return (
            caller.application_id.lower() in self.applications
            or caller.object_id.lower() in self.objects
            or any(group.lower() in self.groups for group in caller.groups)
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """The whole document, checked; ``digest`` is the SHA-256 of its bytes, ``source`` where it was read.

    ``lines`` maps what was written, by rule name (``profiles.storefront-web.lifetime.max``), to its line.
    ``retention`` is how long what is over stays in the audit log; None is for ever.
    """

    accounts: Mapping[str, Account]
    profiles: Mapping[str, Profile]
    teams: Mapping[str, Team]
    digest: str
    source: str
    approvals: Approvals = Approvals()
    retention: timedelta | None = None
    lines: Mapping[str, int] = field(default_factory=dict, compare=False, repr=False)

    def line(self, rule: str) -> int:
        """Return the line that says ``rule``, or else of the nearest enclosing key that was written."""
        while rule and rule not in self.lines:
            rule = rule.rpartition(".")[0]
        return self.lines.get(rule, 1)


def usual_lifetime(shortest: timedelta, longest: timedelta) -> timedelta:
    """Return the default lifetime of a profile that names none."""
    return max(shortest, min(longest, DEFAULT_LIFETIME))


def teams_of(policy: Policy, caller: Caller) -> tuple[Team, ...]:
    """Return the teams that ``caller`` belongs to, in the document's order."""
    return tuple(team for team in policy.teams.values() if team.has(caller))


def profiles_of(policy: Policy, caller: Caller) -> tuple[Profile, ...]:
    """Return the profiles that ``caller`` may use through any of its teams, in the document's order."""
    allowed = {name for team in teams_of(policy, caller) for name in team.profiles}
    return tuple(profile for name, profile in policy.profiles.items() if name in allowed)


def team_for(policy: Policy, caller: Caller, profile: str) -> Team | None:
    """Return the first of the caller's teams that may use ``profile``: the one a token is booked on."""
    return next((team for team in teams_of(policy, caller) if profile in team.profiles), None)


def shared_profiles(policy: Policy) -> tuple[str, ...]:
    """Return the profiles whose tokens are shared, in the document's order."""
    return tuple(name for name, profile in policy.profiles.items() if profile.sharing is Sharing.SHARED)


def profiles_nobody_may_use(policy: Policy) -> tuple[str, ...]:
    """Return the profiles that no team names: most likely a slip, but not a danger."""
    named = {name for team in policy.teams.values() for name in team.profiles}
    return tuple(name for name in policy.profiles if name not in named)
