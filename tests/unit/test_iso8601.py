"""Durations and instants: one strict form in, one form out."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sas_service.domain.iso8601 import format_duration, format_instant, parse_duration, parse_instant


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=99_999)))
def test_durations_come_back_in_whole_seconds(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == timedelta(seconds=int(duration.total_seconds()))


@given(st.datetimes(timezones=st.just(UTC)))
def test_instants_come_back_in_milliseconds(instant: datetime) -> None:
    assert parse_instant(format_instant(instant)) == instant.replace(microsecond=instant.microsecond // 1000 * 1000)


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "P1Y", "P1M", "1D", "P1.5D", "PT1H30", "P-1D", "P1DT", "pt1h", "P1W2D", "PT\u0661H"]
)
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="ISO 8601"):
        parse_duration(text)


@pytest.mark.parametrize(
    "text",
    ["2026-11-21", "2026-11-21T08:00:00", "2026-13-01T00:00:00Z", "2026-11-21T25:00:00Z", "now",
     "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-01:00", "2026-11-21T08:00:00+0100"],
)  # fmt: skip
def test_other_instants_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_instant(text)


def test_azures_seven_digits_are_read() -> None:
    assert format_instant(parse_instant("2017-05-24T10:42:03.1567373Z")) == "2017-05-24T10:42:03.156Z"
    assert parse_duration("P2W") == timedelta(days=14)
    assert format_duration(timedelta(days=1, hours=1, seconds=5)) == "P1DT1H5S"
    assert format_duration(timedelta(seconds=-5)) == "-PT5S"
