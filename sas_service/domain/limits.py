"""What bounds a request, each bound with the name of the rule that set it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from sas_service.domain.policy import MAXIMUM_RATE, POLICY_CEILING, Policy, Profile, Sharing

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bound(Generic[T]):
    """A limit and the rule that says so: ``service.*`` for our own, else the path of a key in the document."""

    value: T
    rule: str


@dataclass(frozen=True, slots=True)
class Limits:
    """Everything that bounds a request; what is None is not bounded by anybody we may speak of."""

    ceiling: Bound[timedelta]
    rate: Bound[int]
    minimum: Bound[timedelta] | None = None
    default: Bound[timedelta] | None = None
    start_ahead: Bound[timedelta] | None = None
    regions: Bound[tuple[str, ...]] | None = None
    sharing: Bound[Sharing] | None = None


SERVICE_LIMITS = Limits(
    ceiling=Bound(POLICY_CEILING, "service.policyCeiling"),
    rate=Bound(MAXIMUM_RATE, "service.maximumRate"),
)
"""What holds for everybody: all that a caller is told who may not use the profile."""


def limits_of(policy: Policy, profile: Profile) -> Limits:
    """Return what bounds a request for ``profile``: the smallest of ours, the account's and the profile's limits.

    Of equal limits the more general one is named: changing only the narrower one would not help the caller.
    """
    path = f"profiles.{profile.name}"
    platform = Bound(policy.accounts[profile.account].platform_ceiling, f"accounts.{profile.account}.platformCeiling")
    longest = Bound(profile.maximum_lifetime, f"{path}.lifetime.max")
    fastest = Bound(profile.max_rate_per_second, f"{path}.maxRatePerSecond")
    return Limits(
        ceiling=min(SERVICE_LIMITS.ceiling, platform, longest, key=lambda bound: bound.value),
        rate=min(SERVICE_LIMITS.rate, fastest, key=lambda bound: bound.value),
        minimum=Bound(profile.minimum_lifetime, f"{path}.lifetime.min"),
        default=Bound(profile.default_lifetime, f"{path}.lifetime.default"),
        start_ahead=Bound(profile.start_ahead, f"{path}.startAhead"),
        regions=Bound(profile.regions, f"{path}.regions") if profile.regions is not None else None,
        sharing=Bound(profile.sharing, f"{path}.sharing"),
    )
