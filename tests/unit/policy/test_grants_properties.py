"""What holds for every request: a decision never widens, and all violations are told at once."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sas_service.domain.errors import OutsidePolicy, Violation
from sas_service.domain.grants import decide
from sas_service.domain.iso8601 import parse_duration
from sas_service.domain.limits import limits_of
from sas_service.domain.policy import CLOCK_SKEW, MAXIMUM_RATE, POLICY_CEILING, Profile
from sas_service.domain.tokens import TokenRequest
from tests.unit.policy import documents

POLICY = documents.policy(("    sharing: shared\n", ""))
EVERYBODY = documents.caller(application=documents.STOREFRONT_APP, object_id=documents.LOGISTICS_OBJECT)
SECOND = timedelta(seconds=1)

profiles = st.sampled_from(list(POLICY.profiles.values()))
instants = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 -- naive bounds are what hypothesis wants
spans = st.timedeltas(timedelta(days=-2), timedelta(days=500))
short_spans = st.timedeltas(timedelta(minutes=-5), timedelta(hours=3))
lifetimes = st.one_of(st.none(), spans, short_spans)
region_names = st.sampled_from(["eastus", "EastUS", "westus2", "westcentralus", "brazilsouth", "not a region", "any"])
regions = st.one_of(st.none(), st.lists(region_names, max_size=4).map(tuple))
rates = st.one_of(st.none(), st.integers(-1, 600))


@st.composite
def requests(draw: st.DrawFn, now: datetime) -> TokenRequest:
    offset = st.one_of(st.none(), spans, short_spans)
    start, expiry = draw(offset), draw(offset)
    return TokenRequest(
        profile=draw(profiles).name,
        lifetime=draw(lifetimes),
        start=None if start is None else now + start,
        expiry=None if expiry is None else now + expiry,
        regions=draw(regions),
        max_rate_per_second=draw(rates),
    )


@settings(max_examples=500)  # about one in ten is granted
@given(st.data(), instants)
def test_whatever_is_granted_is_inside_every_limit_and_never_wider_than_asked(
    data: st.DataObject, now: datetime
) -> None:
    asked = data.draw(requests(now))
    try:
        granted = decide(POLICY, asked, EVERYBODY, now)
    except OutsidePolicy:
        return
    profile = POLICY.profiles[asked.profile]
    account = POLICY.accounts[profile.account]
    life = granted.expiry - granted.start
    assert life <= min(POLICY_CEILING, account.platform_ceiling, profile.maximum_lifetime)
    assert granted.expiry - max(granted.start, now) > profile.minimum_lifetime - SECOND
    assert granted.start <= now + profile.start_ahead
    assert granted.start.microsecond == granted.expiry.microsecond == 0
    assert 1 <= granted.max_rate_per_second <= min(MAXIMUM_RATE, profile.max_rate_per_second)
    if profile.regions is not None:
        assert granted.regions
        assert set(granted.regions) <= set(profile.regions)
    if granted.regions is not None:
        assert len(set(granted.regions)) == len(granted.regions)
        assert [region.lower() for region in granted.regions] == list(granted.regions)
    _assert_not_wider(asked, granted.start, granted.expiry, now)
    assert asked.max_rate_per_second in {None, granted.max_rate_per_second}
    assert asked.regions is None or tuple(region.lower() for region in asked.regions) == granted.regions


def _assert_not_wider(asked: TokenRequest, start: datetime, expiry: datetime, now: datetime) -> None:
    assert start >= (asked.start if asked.start is not None else now - CLOCK_SKEW - SECOND)
    if asked.expiry is not None:
        assert expiry <= asked.expiry
    if asked.lifetime is not None and asked.start is not None:
        assert expiry - start <= asked.lifetime
    if asked.lifetime is not None and asked.start is None:
        assert expiry <= now + asked.lifetime


@given(st.data(), instants, profiles, st.booleans(), st.booleans())
def test_any_request_within_the_limits_is_granted(
    data: st.DataObject, now: datetime, profile: Profile, with_start: bool, as_expiry: bool
) -> None:
    limits = limits_of(POLICY, profile)
    now = now.replace(microsecond=0)
    ahead = data.draw(st.integers(0, int(profile.start_ahead.total_seconds())))
    start = now + timedelta(seconds=ahead) if with_start else None
    shortest, longest = (int(span.total_seconds()) for span in (profile.minimum_lifetime, limits.ceiling.value))
    lifetime = timedelta(seconds=data.draw(st.integers(shortest, longest)))
    asked = TokenRequest(
        profile=profile.name,
        start=start,
        lifetime=None if as_expiry else lifetime,
        expiry=(start or now) + lifetime if as_expiry else None,
        max_rate_per_second=data.draw(st.integers(1, profile.max_rate_per_second)),
        regions=tuple(data.draw(st.sets(st.sampled_from(profile.regions or ("eastus", "uksouth")), min_size=1))),
    )
    granted = decide(POLICY, asked, EVERYBODY, now)
    assert granted.expiry == (start or now) + lifetime
    assert granted.start == start or start is None


@given(st.data(), instants)
def test_all_violations_together_are_those_of_each_field_alone(data: st.DataObject, now: datetime) -> None:
    asked = data.draw(requests(now))
    times = TokenRequest(asked.profile, lifetime=asked.lifetime, expiry=asked.expiry, start=asked.start)
    alone = [
        times,
        TokenRequest(asked.profile, max_rate_per_second=asked.max_rate_per_second),
        TokenRequest(asked.profile, regions=asked.regions),
    ]
    together = _violations(asked, now)
    assert together == tuple(violation for single in alone for violation in _violations(single, now))
    assert len({(violation.pointer, violation.rule) for violation in together}) == len(together)


@given(profiles, st.one_of(spans, short_spans), instants)
def test_what_is_allowed_for_a_lifetime_really_is(profile: Profile, lifetime: timedelta, now: datetime) -> None:
    for violation in _violations(TokenRequest(profile.name, lifetime=lifetime), now):
        if violation.rule != "service.startBeforeExpiry":
            allowed = parse_duration(str(violation.allowed))
            assert not _violations(TokenRequest(profile.name, lifetime=allowed), now)


def _violations(asked: TokenRequest, now: datetime) -> tuple[Violation, ...]:
    try:
        decide(POLICY, asked, EVERYBODY, now)
    except OutsidePolicy as error:
        return error.violations
    return ()


def test_the_three_profiles_are_bounded_by_three_different_rules() -> None:
    rules = [limits_of(POLICY, profile).ceiling.rule for profile in POLICY.profiles.values()]
    assert rules == [
        "profiles.storefront-web.lifetime.max",
        "service.policyCeiling",
        "accounts.maps-day.platformCeiling",
    ]
    with pytest.raises(OutsidePolicy):
        decide(POLICY, TokenRequest("world", lifetime=timedelta(hours=24, seconds=1)), EVERYBODY, documents.NOW)
