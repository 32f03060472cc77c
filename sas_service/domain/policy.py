"""The policy: who may have what, up to which limits, and the decision on one request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sas_service.domain.callers import Caller
from sas_service.domain.errors import Violation
from sas_service.domain.slots import Slot
from sas_service.domain.tokens import Grant, TokenRequest

POLICY_CEILING = timedelta(days=365)
"""No token lives longer (seed 004: "max expiration of 1 year (365 days)")."""

MINIMUM_LIFETIME = timedelta(minutes=10)
"""The default minimum: the Web SDK refetches at ``exp`` - 300 s and loops on less (azure-facts.md, section 7)."""

CLOCK_SKEW = timedelta(seconds=60)
"""How far before now a token starts when nobody asked for a start, so that a slower clock at Azure accepts it."""

MAXIMUM_RATE = 500
"""Azure's own limit of ``maxRatePerSecond`` (azure-facts.md, section 1.1)."""


class Sharing(StrEnum):
    """Whether each caller gets a token of its own or all callers the same within a window."""

    EXCLUSIVE = "exclusive"
    SHARED = "shared"


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


@dataclass(frozen=True, slots=True)
class Profile:
    """What a team may ask for by name; ``regions`` None means the document says ``regions: any``."""

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


@dataclass(frozen=True, slots=True)
class Team:
    """Who belongs to a team (application ids, object ids, group ids) and which profiles it may use."""

    name: str
    applications: frozenset[str]
    objects: frozenset[str]
    groups: frozenset[str]
    profiles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """The whole document, checked; ``digest`` is the SHA-256 of its bytes, ``source`` where it was read."""

    accounts: Mapping[str, Account]
    profiles: Mapping[str, Profile]
    teams: Mapping[str, Team]
    digest: str
    source: str
    lines: Mapping[str, int] = field(default_factory=dict, compare=False, repr=False)
