"""The decision on single requests: what is granted, and what each refusal says."""

from datetime import UTC, datetime, timedelta

import pytest

from sas_service.domain.callers import Caller
from sas_service.domain.errors import InvalidRequest, OutsidePolicy, ProfileNotAllowed, SasServiceError, Violation
from sas_service.domain.grants import Decision, decide, decide_shared
from sas_service.domain.iso8601 import parse_duration, parse_instant
from sas_service.domain.tokens import TokenRequest
from tests.unit.policy import documents
from tests.unit.policy.documents import LOGISTICS, NOW, STOREFRONT, STRANGER

POLICY = documents.policy(("    sharing: shared\n", ""))


def request(profile: str = "storefront-web", **asked: object) -> TokenRequest:
    """A request with durations and instants as text."""
    values: dict[str, object] = {}
    for name, value in asked.items():
        if name == "lifetime" and isinstance(value, str):
            values[name] = parse_duration(value)
        elif name in {"start", "expiry"} and isinstance(value, str):
            values[name] = parse_instant(f"2026-11-{value}" if len(value) < 20 else value)
        else:
            values[name] = value
    return TokenRequest(profile=profile, **values)  # type: ignore[arg-type]


def decided(asked: TokenRequest, who: Caller = STOREFRONT, now: datetime = NOW) -> Decision:
    return decide(POLICY, asked, who, now)


def refused(asked: TokenRequest, who: Caller = STOREFRONT) -> SasServiceError:
    with pytest.raises(SasServiceError) as caught:
        decided(asked, who)
    return caught.value


def at(text: str) -> datetime:
    return parse_instant(f"2026-11-{text}")


def test_a_bare_request_gets_everything_the_profile_says() -> None:
    assert decided(request()) == Decision(
        account="maps-demo",
        profile="storefront-web",
        team="storefront",
        regions=("eastus", "westus2", "westcentralus"),
        max_rate_per_second=50,
        start=at("21T07:59:00Z"),
        expiry=at("21T09:00:00Z"),
        policy_digest=POLICY.digest,
    )


def test_a_decision_becomes_a_grant_on_a_slot_of_its_own_account_only() -> None:
    decision = decided(request())
    grant = decision.grant(documents.slot("maps-demo"))
    assert (grant.epoch, grant.identity, grant.principal_id) == (7, "some-identity", "some-principal")
    assert all(getattr(grant, name) == getattr(decision, name) for name in Decision.__slots__)
    with pytest.raises(ValueError, match="cannot sign"):
        decision.grant(documents.slot("maps-day"))


@pytest.mark.parametrize(
    ("asked", "start", "expiry"),
    [
        (request(lifetime="PT10M"), "21T07:59:00Z", "21T08:10:00Z"),
        (request(lifetime="PT2H"), "21T08:00:00Z", "21T10:00:00Z"),  # the early start may not make it too long
        (request(lifetime="PT1H59M30S"), "21T07:59:30Z", "21T09:59:30Z"),
        (request(expiry="21T09:00:00.900Z"), "21T07:59:00Z", "21T09:00:00Z"),
        (request(start="21T08:30:00Z"), "21T08:30:00Z", "21T09:30:00Z"),
        (request(start="21T08:30:00.100Z", lifetime="PT2H"), "21T08:30:01Z", "21T10:30:01Z"),
        (request(start="21T09:00:00Z", expiry="21T11:00:00Z"), "21T09:00:00Z", "21T11:00:00Z"),
        (request(start="21T07:00:00Z", expiry="21T09:00:00Z"), "21T07:00:00Z", "21T09:00:00Z"),
        (request(profile="world", lifetime="P1D"), "21T08:00:00Z", "22T08:00:00Z"),
    ],
)
def test_the_times_that_are_granted(asked: TokenRequest, start: str, expiry: str) -> None:
    decision = decided(asked)
    assert (decision.start, decision.expiry) == (at(start), at(expiry))


def test_half_seconds_of_the_clock_do_not_matter() -> None:
    late = NOW + timedelta(milliseconds=999)
    assert decided(request(lifetime="PT10M"), now=late) == decided(request(lifetime="PT10M"))


@pytest.mark.parametrize(
    ("asked", "regions"),
    [
        (request(regions=("westus2",)), ("westus2",)),
        (request(regions=("WestUS2", "eastus")), ("westus2", "eastus")),
        (request(profile="world"), None),
        (request(profile="world", regions=("swedencentral",)), ("swedencentral",)),
    ],
)
def test_regions_can_be_narrowed_and_come_out_in_lower_case(asked: TokenRequest, regions: tuple[str, ...]) -> None:
    assert decided(asked).regions == regions


def test_the_rate_can_be_narrowed() -> None:
    assert decided(request(max_rate_per_second=1)).max_rate_per_second == 1
    assert decided(request(profile="logistics-batch", max_rate_per_second=500), LOGISTICS).max_rate_per_second == 500


ALL_REGIONS = ["eastus", "westus2", "westcentralus"]
PROFILE = "profiles.storefront-web"


@pytest.mark.parametrize(
    ("asked", "violation"),
    [
        (request(lifetime="PT2H1S"), Violation("/lifetime", "PT2H1S", "PT2H", f"{PROFILE}.lifetime.max")),
        (
            request(expiry="21T10:00:01Z"),
            Violation("/expiry", "2026-11-21T10:00:01Z", "2026-11-21T10:00:00Z", f"{PROFILE}.lifetime.max"),
        ),
        (
            request(start="21T07:00:00Z", expiry="21T09:00:01Z"),
            Violation("/expiry", "2026-11-21T09:00:01Z", "2026-11-21T09:00:00Z", f"{PROFILE}.lifetime.max"),
        ),
        (request(lifetime="PT9M59S"), Violation("/lifetime", "PT9M59S", "PT10M", f"{PROFILE}.lifetime.min")),
        (
            request(expiry="21T08:09:59Z"),
            Violation("/expiry", "2026-11-21T08:09:59Z", "2026-11-21T08:10:00Z", f"{PROFILE}.lifetime.min"),
        ),
        (  # twenty minutes, but fifteen of them are over
            request(start="21T07:45:00Z", lifetime="PT20M"),
            Violation("/lifetime", "PT20M", "PT25M", f"{PROFILE}.lifetime.min"),
        ),
        (
            request(start="21T08:30:00Z", expiry="21T08:35:00Z"),
            Violation("/expiry", "2026-11-21T08:35:00Z", "2026-11-21T08:40:00Z", f"{PROFILE}.lifetime.min"),
        ),
        (
            request(start="21T09:00:01Z"),
            Violation("/start", "2026-11-21T09:00:01Z", "2026-11-21T09:00:00Z", f"{PROFILE}.startAhead"),
        ),
        (
            request(start="21T08:30:00Z", expiry="21T08:29:00Z"),
            Violation("/start", "2026-11-21T08:30:00Z", "before 2026-11-21T08:29:00Z", "service.startBeforeExpiry"),
        ),
        (
            request(start="21T08:30:00Z", expiry="21T08:30:00Z"),
            Violation("/start", "2026-11-21T08:30:00Z", "before 2026-11-21T08:30:00Z", "service.startBeforeExpiry"),
        ),
        (request(lifetime="PT0S"), Violation("/lifetime", "PT0S", "more than PT0S", "service.startBeforeExpiry")),
        (
            request(lifetime=timedelta(seconds=-5)),
            Violation("/lifetime", "-PT5S", "more than PT0S", "service.startBeforeExpiry"),
        ),
        (
            request(expiry="21T08:00:00Z"),
            Violation("/expiry", "2026-11-21T08:00:00Z", "2026-11-21T08:10:00Z", "service.expiryInFuture"),
        ),
        (
            request(start="21T06:30:00Z"),  # the default hour is over
            Violation("/lifetime", "PT1H", "PT1H40M", "service.expiryInFuture"),
        ),
        (
            request(lifetime="PT1H", expiry="21T09:00:00Z"),
            Violation("/expiry", "2026-11-21T09:00:00Z", "either lifetime or expiry", "service.lifetimeOrExpiry"),
        ),
        (request(max_rate_per_second=51), Violation("/maxRatePerSecond", 51, 50, f"{PROFILE}.maxRatePerSecond")),
        (request(max_rate_per_second=0), Violation("/maxRatePerSecond", 0, 1, "service.minimumRate")),
        (request(regions=()), Violation("/regions", [], ALL_REGIONS, "service.regions")),
        (
            request(regions=("eastus", "brazilsouth")),
            Violation("/regions/1", "brazilsouth", ALL_REGIONS, f"{PROFILE}.regions"),
        ),
        (
            request(regions=("eastus", "EastUS")),
            Violation("/regions/1", "EastUS", "each region once", "service.regions"),
        ),
        (request(profile="world", regions=()), Violation("/regions", [], "at least one region", "service.regions")),
        (
            request(profile="world", regions=("East US",)),
            Violation("/regions/0", "East US", "the name of an Azure location, such as eastus", "service.regions"),
        ),
        (
            request(profile="world", lifetime="P365D"),
            Violation("/lifetime", "P365D", "P1D", "accounts.maps-day.platformCeiling"),
        ),
    ],
)
def test_a_request_outside_one_limit_is_refused_with_that_limit(asked: TokenRequest, violation: Violation) -> None:
    error = refused(asked)
    assert isinstance(error, OutsidePolicy)
    assert error.violations == (violation,)


@pytest.mark.parametrize(
    ("asked", "violation"),
    [
        (
            request("logistics-batch", lifetime="P400D"),
            Violation("/lifetime", "P400D", "P365D", "service.policyCeiling"),
        ),
        (
            request("logistics-batch", max_rate_per_second=501),
            Violation("/maxRatePerSecond", 501, 500, "service.maximumRate"),
        ),
    ],
)
def test_of_equal_limits_the_more_general_is_named(asked: TokenRequest, violation: Violation) -> None:
    assert refused(asked, LOGISTICS).violations == (violation,)


def test_ten_violations_come_together() -> None:
    asked = request(
        lifetime="PT1M",
        expiry="25T00:00:00.5Z",
        start="23T00:00:00Z",
        regions=("brazilsouth", "eastus", "EASTUS", "mars", "westus3", "Brazil South"),
        max_rate_per_second=501,
    )
    found = refused(asked).violations
    assert [(violation.pointer, violation.rule) for violation in found] == [
        ("/expiry", "service.lifetimeOrExpiry"),
        ("/expiry", f"{PROFILE}.lifetime.max"),
        ("/lifetime", f"{PROFILE}.lifetime.min"),
        ("/start", f"{PROFILE}.startAhead"),
        ("/maxRatePerSecond", f"{PROFILE}.maxRatePerSecond"),
        ("/regions/0", f"{PROFILE}.regions"),
        ("/regions/2", "service.regions"),
        ("/regions/3", f"{PROFILE}.regions"),
        ("/regions/4", f"{PROFILE}.regions"),
        ("/regions/5", f"{PROFILE}.regions"),
    ]


def test_a_foreign_and_an_unknown_profile_look_alike_and_reveal_no_limits() -> None:
    wide = {"lifetime": "P400D", "max_rate_per_second": 501, "regions": ("mars", "mars"), "start": "30T00:00:00Z"}
    foreign, unknown = refused(request("logistics-batch", **wide)), refused(request("no-such-profile", **wide))
    own = ["storefront-web", "world"]
    assert isinstance(foreign, ProfileNotAllowed)
    assert isinstance(unknown, ProfileNotAllowed)
    assert foreign.detail == unknown.detail
    assert foreign.violations == (
        Violation("/profile", "logistics-batch", own, "teams"),
        Violation("/lifetime", "P400D", "P365D", "service.policyCeiling"),
        Violation("/maxRatePerSecond", 501, 500, "service.maximumRate"),
        Violation("/regions/1", "mars", "each region once", "service.regions"),
    )
    assert unknown.violations == (Violation("/profile", "no-such-profile", own, "teams"), *foreign.violations[1:])


def test_a_request_inside_every_general_rule_is_still_refused_a_foreign_profile() -> None:
    error = refused(request("logistics-batch"))
    assert isinstance(error, ProfileNotAllowed)
    assert error.violations == (Violation("/profile", "logistics-batch", ["storefront-web", "world"], "teams"),)


def test_a_stranger_is_refused_every_profile() -> None:
    for name in POLICY.profiles:
        error = refused(request(name), STRANGER)
        assert isinstance(error, ProfileNotAllowed)
        assert error.violations == (Violation("/profile", name, [], "teams"),)


SHAPE = (Violation("/colour", "red", "no such field", "schema"),)


@pytest.mark.parametrize(
    ("asked", "rules"),
    [
        (request(), []),
        (request(max_rate_per_second=501), [f"{PROFILE}.maxRatePerSecond"]),
        (request("logistics-batch", max_rate_per_second=501), ["teams", "service.maximumRate"]),
        (request("", max_rate_per_second=501, lifetime="P400D"), ["service.policyCeiling", "service.maximumRate"]),
    ],
)
def test_a_wrong_shape_is_answered_first_and_together_with_everything_else(
    asked: TokenRequest, rules: list[str]
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        decide(POLICY, asked, STOREFRONT, NOW, shape=SHAPE)
    assert caught.value.violations[0] == SHAPE[0]
    assert [violation.rule for violation in caught.value.violations[1:]] == rules


@pytest.mark.parametrize(
    "asked",
    [
        request(start="9999-12-31T23:59:59.9Z", lifetime="P99999D"),
        request(start="9999-12-31T23:59:59Z"),
        request(expiry="9999-12-31T23:59:59Z"),
        request(start=datetime(1, 1, 1, tzinfo=UTC), expiry="9999-12-31T23:59:59Z"),
        request(expiry=datetime(1, 1, 1, tzinfo=UTC)),
        request(lifetime=timedelta.max),
        request(lifetime=timedelta.min),
        request("unknown", start="9999-12-31T23:59:59Z", lifetime="P1D"),
    ],
)
def test_the_ends_of_the_calendar_are_refusals_and_not_crashes(asked: TokenRequest) -> None:
    assert refused(asked).violations


@pytest.mark.parametrize(
    ("asked", "pointers"),
    [
        ({"lifetime": timedelta(hours=1)}, ["/lifetime"]),
        ({"start": NOW, "expiry": NOW + timedelta(hours=1)}, ["/expiry", "/start"]),
        ({"regions": ("eastus",), "max_rate_per_second": 500}, ["/regions", "/maxRatePerSecond"]),
    ],
)
def test_of_a_shared_profile_nothing_can_be_wished_for(asked: dict[str, object], pointers: list[str]) -> None:
    policy = documents.policy()
    with pytest.raises(OutsidePolicy) as caught:
        decide(policy, request("world", **asked), STOREFRONT, NOW)
    assert [each.pointer for each in caught.value.violations] == pointers
    assert {each.rule for each in caught.value.violations} == {"profiles.world.sharing"}
    bare = decide(policy, request("world"), STOREFRONT, NOW)
    assert bare == decide_shared(policy, policy.teams["storefront"], policy.profiles["world"], NOW)
