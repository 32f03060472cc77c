"""Renewal information is arithmetic on the record."""

from datetime import timedelta

import pytest

from sas_service.domain.renewal import renewal_information, renewal_window
from sas_service.domain.slots import SigningKey
from sas_service.domain.tokens import Grant, TokenRecord, TokenState
from tests.unit.api.world import NOW


def _record(life: timedelta) -> TokenRecord:
    grant = Grant(
        account="a", profile="p", team="t", epoch=1, signing_key=SigningKey.PRIMARY, identity="i", principal_id="x",
        regions=("eastus",), max_rate_per_second=1, start=NOW, expiry=NOW + life, policy_digest="d",
    )  # fmt: skip
    return TokenRecord(
        id="a.1", grant=grant, caller={}, state=TokenState.LIVE, issued_at=NOW, request_id="r", replaced_by="a.2"
    )


@pytest.mark.parametrize("seconds", [1, 60, 240, 300, 301, 600, 900, 3600, 86_400, 365 * 86_400])
def test_the_window_lies_within_the_life(seconds: int) -> None:
    expiry = NOW + timedelta(seconds=seconds)
    window = renewal_window(NOW, expiry)
    assert NOW <= window.start < window.end < expiry


def test_long_lives_are_renewed_from_two_thirds_to_five_minutes_before_the_end() -> None:
    window = renewal_window(NOW, NOW + timedelta(hours=3))
    assert window.start == NOW + timedelta(hours=2)
    assert window.end == NOW + timedelta(hours=2, minutes=55)


@pytest.mark.parametrize(
    ("life", "pace"),
    [
        (timedelta(days=365), timedelta(minutes=15)),
        (timedelta(hours=2), timedelta(minutes=5)),
        (timedelta(minutes=10), timedelta(seconds=30)),
    ],
)
def test_asking_again_is_paced_by_the_life_and_spread(life: timedelta, pace: timedelta) -> None:
    waits = [renewal_information(_record(life), NOW, seed=str(number)).retry_after for number in range(200)]
    assert pace * 0.8 <= min(waits) < pace * 0.85
    assert pace * 1.15 < max(waits) <= pace * 1.2


def test_nobody_is_sent_past_the_end_of_the_window() -> None:
    record = _record(timedelta(hours=2))
    end = renewal_window(NOW, record.grant.expiry).end
    assert renewal_information(record, end - timedelta(seconds=10), seed="x").retry_after == timedelta(seconds=10)
    assert renewal_information(record, end - timedelta(milliseconds=1), seed="x").retry_after == timedelta(seconds=1)
    assert renewal_information(record, end + timedelta(days=9), seed="x").retry_after > timedelta(minutes=3)


def test_the_replacement_is_named() -> None:
    assert renewal_information(_record(timedelta(hours=1)), NOW, seed="x").replacement == "a.2"
