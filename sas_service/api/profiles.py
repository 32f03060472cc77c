"""Profiles: what the caller's teams may ask for by name."""

from sas_service.api import examples
from sas_service.api.exchange import Answer, Ask, json_answer
from sas_service.api.operations import Documented, Resource
from sas_service.api.schemas_directory import ProfileList
from sas_service.api.use_cases import UseCases
from sas_service.domain.callers import Role
from sas_service.domain.iso8601 import format_duration
from sas_service.domain.policy import Profile

profiles = Resource("profiles", "What may be asked for by name.")


@profiles.operation(
    "GET",
    "/v1/profiles",
    summary="List profiles",
    roles=(Role.TOKENS_ISSUE,),
    answers={200: Documented("The profiles of the caller's teams.", ProfileList(), examples.PROFILES)},
    cors=True,
)
def list_profiles(use: UseCases, ask: Ask) -> Answer:
    """List the profiles that the caller may use, with their limits."""
    items = [profile_document(profile, team) for profile, team in use.inspection.profiles(ask.caller)]
    return json_answer({"items": items, "next": None})


def profile_document(profile: Profile, team: str) -> dict[str, object]:
    """A profile as its users see it; which identities sign is not theirs to know."""
    return {
        "name": profile.name,
        "team": team,
        "account": profile.account,
        "dataRole": profile.data_role,
        "regions": None if profile.regions is None else list(profile.regions),
        "maxRatePerSecond": profile.max_rate_per_second,
        "lifetime": {
            "min": format_duration(profile.minimum_lifetime),
            "max": format_duration(profile.maximum_lifetime),
            "default": format_duration(profile.default_lifetime),
        },
        "startAhead": format_duration(profile.start_ahead),
        "sharing": profile.sharing.value,
        "corsOrigins": list(profile.cors_origins),
    }
