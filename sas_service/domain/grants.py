"""The decision on one request: the exact parameters to sign, or one error with every violation at once."""

from dataclasses import dataclass
from datetime import datetime

from sas_service.domain.asking import Asking, shifted
from sas_service.domain.callers import Caller
from sas_service.domain.errors import InvalidRequest, OutsidePolicy, ProfileNotAllowed, Violation
from sas_service.domain.limits import SERVICE_LIMITS, Limits, limits_of
from sas_service.domain.policy import CLOCK_SKEW, Policy, Profile, Team, profiles_of, team_for
from sas_service.domain.rules import violations
from sas_service.domain.slots import Slot
from sas_service.domain.tokens import Grant, TokenRequest


@dataclass(frozen=True, slots=True)
class Decision:
    """The policy's yes before a slot is known: everything of a Grant but what it is signed with."""

    account: str
    profile: str
    team: str
    regions: tuple[str, ...] | None
    max_rate_per_second: int
    start: datetime
    expiry: datetime
    policy_digest: str

    def grant(self, slot: Slot) -> Grant:
        """Bind the decision to the slot that will sign it."""
        if slot.account != self.account:
            raise ValueError(f"a slot of {slot.account} cannot sign for {self.account}")
        return Grant(
            account=self.account,
            profile=self.profile,
            team=self.team,
            epoch=slot.epoch,
            signing_key=slot.signing_key,
            identity=slot.identity,
            principal_id=slot.principal_id,
            regions=self.regions,
            max_rate_per_second=self.max_rate_per_second,
            start=self.start,
            expiry=self.expiry,
            policy_digest=self.policy_digest,
        )


def decide(
    policy: Policy, request: TokenRequest, caller: Caller, now: datetime, *, shape: tuple[Violation, ...] = ()
) -> Decision:
    """Return what ``caller`` gets, or raise InvalidRequest, ProfileNotAllowed or OutsidePolicy with all violations.

    ``shape`` are the violations found while the request was read; they are listed first and decide the error.
    """
    team = team_for(policy, caller, request.profile)
    profile = policy.profiles[request.profile] if team else None
    limits = limits_of(policy, profile) if profile else SERVICE_LIMITS
    asking = Asking.at(request, now, limits)
    broken = (*shape, *_foreign_profile(policy, request, caller, team), *violations(asking, limits))
    if shape:
        raise InvalidRequest("The request cannot be read.", violations=broken)
    if team is None or profile is None:
        raise ProfileNotAllowed("There is no such profile among those of your teams.", violations=broken)
    if broken:
        raise OutsidePolicy(f"The policy refuses this request: {_count(len(broken))}.", violations=broken)
    return _decision(policy, team, profile, asking, limits)


def decide_shared(policy: Policy, team: Team, profile: Profile, now: datetime) -> Decision:
    """Return what a shared token of ``profile`` is for ``team``: the profile's own choice in everything."""
    limits = limits_of(policy, profile)
    return _decision(policy, team, profile, Asking.at(TokenRequest(profile.name), now, limits), limits)


def _foreign_profile(policy: Policy, request: TokenRequest, caller: Caller, team: Team | None) -> tuple[Violation, ...]:
    """Say the same of a profile that is unknown and of one that is somebody else's: only the caller's own are named.

    An empty name stands for one that could not be read; its shape has been complained about already.
    """
    if team is not None or not request.profile:
        return ()
    own = [profile.name for profile in profiles_of(policy, caller)]
    return (Violation("/profile", request.profile, own, "teams"),)


def _decision(policy: Policy, team: Team, profile: Profile, asking: Asking, limits: Limits) -> Decision:
    request = asking.request
    expiry = asking.ends[0].at
    # Without a wish the token starts a little early for slower clocks, but never so early that it lives too long.
    start = asking.start or max(asking.now - CLOCK_SKEW, shifted(expiry, -limits.ceiling.value))
    regions = profile.regions if request.regions is None else tuple(region.lower() for region in request.regions)
    rate = limits.rate.value if request.max_rate_per_second is None else request.max_rate_per_second
    return Decision(
        account=profile.account,
        profile=profile.name,
        team=team.name,
        regions=regions,
        max_rate_per_second=rate,
        start=start,
        expiry=expiry,
        policy_digest=policy.digest,
    )


def _count(number: int) -> str:
    return "one violation" if number == 1 else f"{number} violations"
