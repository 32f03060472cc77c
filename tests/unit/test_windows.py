"""Windows: a shared token is renewed before it is needed, and nobody is handed one that is nearly over."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sas_service.domain.policy import LEAST_LEFT, SHORTEST_SHARED, Account, Profile, Sharing
from sas_service.domain.windows import MARGIN, Window, terms

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACCOUNT = Account("maps", "s", "g", "maps", ("https://atlas.microsoft.com",), timedelta(days=1), {})
PROFILE = Profile(
    name="web",
    account="maps",
    data_role="Azure Maps Data Reader",
    identities=("a", "b"),
    regions=("eastus",),
    max_rate_per_second=50,
    minimum_lifetime=LEAST_LEFT,
    maximum_lifetime=2 * HOUR,
    default_lifetime=HOUR,
    start_ahead=HOUR,
    sharing=Sharing.SHARED,
)

lifetimes = st.integers(int(SHORTEST_SHARED.total_seconds()), 365 * 86_400).map(lambda each: timedelta(seconds=each))


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """Every window that the policy file accepts, and every derived one."""
    lifetime = draw(lifetimes)
    longest = int((lifetime - LEAST_LEFT - MARGIN).total_seconds())
    length = draw(st.none() | st.integers(int(MARGIN.total_seconds()), longest))
    profile = replace(PROFILE, default_lifetime=lifetime, window=None if length is None else timedelta(seconds=length))
    return Window.of(profile)


@given(windows(), st.text(), st.integers(0, 999_999))
def test_it_is_refreshed_before_it_is_handed_out_no_more_and_then_has_ten_minutes(
    window: Window, seed: str, fraction: int
) -> None:
    issued = NOW + timedelta(microseconds=fraction)
    expiry = NOW + window.lifetime  # a token's times are whole seconds
    plan = window.schedule(issued, expiry, seed)
    assert expiry - plan.last == LEAST_LEFT
    assert issued + window.length <= plan.refresh
    assert plan.last - plan.refresh > timedelta(seconds=40)


@given(windows())
def test_nobody_can_have_tokens_made_faster_than_some_each_window(window: Window) -> None:
    assert window.spacing >= timedelta(minutes=1)
    assert window.spacing * 8 >= window.length - timedelta(milliseconds=1)


def test_refreshes_of_many_are_spread_but_every_process_agrees_on_one() -> None:
    window = Window.of(PROFILE)
    at = {window.schedule(NOW, NOW + HOUR, f"maps.{number}").refresh for number in range(100)}
    assert len(at) == 100
    assert max(at) - min(at) > timedelta(minutes=2)
    assert window.schedule(NOW, NOW + HOUR, "maps.1") == window.schedule(NOW, NOW + HOUR, "maps.1")


def test_an_hours_token_is_current_for_two_thirds_of_its_fifty_minutes() -> None:
    assert Window.of(PROFILE) == Window(HOUR, timedelta(minutes=50) * 2 / 3)
    assert Window.of(replace(PROFILE, window=timedelta(minutes=5))).length == timedelta(minutes=5)


@pytest.mark.parametrize(
    "changed",
    [
        {"regions": ("eastus", "westus2")},
        {"regions": None},
        {"max_rate_per_second": 49},
        {"default_lifetime": 2 * HOUR},
        {"window": timedelta(minutes=5)},
        {"data_role": "another"},
    ],
)
def test_other_terms_are_another_token(changed: dict[str, object]) -> None:
    assert terms(ACCOUNT, replace(PROFILE, **changed)) != terms(ACCOUNT, PROFILE)  # type: ignore[arg-type]


def test_what_a_token_does_not_depend_on_changes_no_terms() -> None:
    assert terms(ACCOUNT, replace(PROFILE, cors_origins=("https://shop.example",))) == terms(ACCOUNT, PROFILE)
    assert terms(replace(ACCOUNT, hosts=("https://us.atlas.microsoft.com",)), PROFILE) != terms(ACCOUNT, PROFILE)
