"""Who belongs to which team, and what a team may use."""

import pytest

from sas_service.domain.callers import Caller
from sas_service.domain.policy import profiles_nobody_may_use, profiles_of, team_for, teams_of
from tests.unit.policy import documents
from tests.unit.policy.documents import LOGISTICS_OBJECT, STOREFRONT_APP, STOREFRONT_GROUP, caller


@pytest.mark.parametrize(
    ("who", "teams"),
    [
        (caller(application=STOREFRONT_APP), ["storefront"]),
        (caller(application=STOREFRONT_APP.upper()), ["storefront"]),
        (caller(groups=frozenset({STOREFRONT_GROUP.upper(), "another"})), ["storefront"]),
        (caller(object_id=LOGISTICS_OBJECT), ["logistics"]),
        (caller(application=STOREFRONT_APP, object_id=LOGISTICS_OBJECT), ["storefront", "logistics"]),
        (caller(application=LOGISTICS_OBJECT), []),
        (caller(object_id=STOREFRONT_APP), []),
        (caller(), []),
    ],
)
def test_a_caller_belongs_by_application_object_or_group_and_never_by_a_mixture(who: Caller, teams: list[str]) -> None:
    assert [team.name for team in teams_of(documents.policy(), who)] == teams


def test_the_profiles_of_a_caller_are_those_of_all_its_teams_in_document_order() -> None:
    both = caller(application=STOREFRONT_APP, object_id=LOGISTICS_OBJECT)
    found = [profile.name for profile in profiles_of(documents.policy(), both)]
    assert found == ["storefront-web", "logistics-batch", "world"]
    assert profiles_of(documents.policy(), documents.STRANGER) == ()


def test_a_token_is_booked_on_the_first_team_that_may_use_the_profile() -> None:
    both = caller(application=STOREFRONT_APP, object_id=LOGISTICS_OBJECT)
    shared = documents.policy(("[logistics-batch]\n", "[logistics-batch, world]\n"))
    teams = {name: team_for(shared, both, name) for name in (*shared.profiles, "unknown")}
    assert {name: team.name if team else None for name, team in teams.items()} == {
        "storefront-web": "storefront",
        "logistics-batch": "logistics",
        "world": "storefront",
        "unknown": None,
    }


def test_a_profile_that_nobody_may_use_is_found() -> None:
    assert profiles_nobody_may_use(documents.policy()) == ()
    assert profiles_nobody_may_use(documents.policy(("storefront-web, world]", "storefront-web]"))) == ("world",)
