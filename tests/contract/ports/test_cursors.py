"""Cursors that are not ours are refused, whatever they are."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sas_service.adapters.cursors import TokenPosition, event_cursor, read_event_cursor
from sas_service.domain.errors import InvalidRequest
from sas_service.ports import EventQuery, TokenQuery
from tests.contract.ports.world import ACCOUNT, World


def test_what_has_nothing_left_takes_no_room() -> None:
    cursor = event_cursor({f"{number}": 0 for number in range(1000)} | {ACCOUNT: 3, "service": -2})
    assert cursor is not None
    assert read_event_cursor(cursor) == {ACCOUNT: 3, "service": -2}
    assert len(cursor) < 100
    assert event_cursor({ACCOUNT: 0}) is None


def packed(document: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


MALFORMED = [
    "",
    "x",
    "=",
    "\u00e4",
    "a" * 9000,
    base64.urlsafe_b64encode(b"\xff\xfe").decode(),
    packed(None),
    packed([]),
    packed({}),
    packed({"token": [1, "a"]}),
    packed({"token": ["1", "a", ACCOUNT]}),
    packed({"token": [-1, "a", ACCOUNT]}),
    packed({"token": [2**60, "a", ACCOUNT]}),
    packed({"token": [1.5, "a", ACCOUNT]}),
    packed({"token": [True, "a", ACCOUNT]}),
    packed({"token": [1, "a b", ACCOUNT]}),
    packed({"token": [1, "a", ""]}),
    packed({"token": [1, "a", ACCOUNT], "more": 1}),
    packed({"events": []}),
    packed({"events": {ACCOUNT: "1"}}),
    packed({"events": {ACCOUNT: -(2**53)}}),
    packed({"expiry": [1, "a", ACCOUNT]}),
    packed({"events": {ACCOUNT: True}}),
    packed({"events": {ACCOUNT: 1.0}}),
    packed({"events": {ACCOUNT: 2**53}}),
    packed({"events": {ACCOUNT: 1}, "more": 1}),
    "W" * 3000,
    base64.urlsafe_b64encode(b"[" * 6000).decode().rstrip("="),
]


@pytest.mark.parametrize("cursor", MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_cursor_is_an_invalid_request(world: World, cursor: str) -> None:
    log = world.audit_log
    for list_with in (
        lambda: log.tokens(TokenQuery([ACCOUNT]), cursor=cursor, limit=5),
        lambda: log.events(EventQuery([ACCOUNT]), cursor=cursor, limit=5),
    ):
        with pytest.raises(InvalidRequest) as refusal:
            list_with()
        assert [violation.pointer for violation in refusal.value.violations] == ["/cursor"]


def test_the_cursor_of_one_list_is_none_of_the_other(world: World) -> None:
    with pytest.raises(InvalidRequest):
        world.audit_log.events(EventQuery([ACCOUNT]), cursor=TokenPosition(1, "a", ACCOUNT).cursor(), limit=5)
    with pytest.raises(InvalidRequest):
        world.audit_log.tokens(TokenQuery([ACCOUNT]), cursor=event_cursor({ACCOUNT: 1}), limit=5)


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_no_text_is_anything_but_ours_or_refused(text: str) -> None:
    for read in (TokenPosition.read, read_event_cursor):
        with pytest.raises(InvalidRequest):
            read(text)
