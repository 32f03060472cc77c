"""The net of the logs: its quick look at a whole line lets nothing through that masking piece by piece would catch."""

from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sas_service.adapters.logs import _ENCODE, _rendered, masked

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln"
secrets = st.sampled_from(
    [
        JWT,
        f"Bearer {JWT}",
        "bearer\nopaque",
        "BEARER\topaque",
        "jwt-sas abc",
        "JWT-\u017fAS abc",
        "redis://me:secret@host/0",
    ]
)
texts = st.text(max_size=20) | secrets | st.tuples(st.text(max_size=8), secrets, st.text(max_size=8)).map("".join)
plain = texts | st.integers() | st.floats(allow_nan=False) | st.booleans() | st.none()
values = st.recursive(plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))


class Word(StrEnum):
    ONE = "one"


class Told:
    def __str__(self) -> str:
        return f"told {JWT}"


@given(event=st.dictionaries(texts, values, max_size=5))
def test_a_line_is_what_masking_each_piece_makes_of_it(event: dict[str, Any]) -> None:
    assert _rendered(None, "info", dict(event)) == _ENCODE(masked(event))


@pytest.mark.parametrize("value", [Told(), [Told()], {"in": Told()}, {1: Told()}, ValueError(JWT), {JWT}, JWT.encode()])
def test_what_json_does_not_know_is_masked_as_text(value: object) -> None:
    line = _rendered(None, "info", {"event": "x", "what": value})
    assert JWT not in line
    assert "[masked]" in line


def test_what_holds_nothing_is_written_as_it_is() -> None:
    event = {"event": "request", "route": "/v1/x", "ms": 1.5, "caller": None, "word": Word.ONE, "more": ("a", 1, True)}
    expected = (
        '{"event": "request", "route": "/v1/x", "ms": 1.5, "caller": null, "word": "one", "more": ["a", 1, true]}'
    )
    assert _rendered(None, "info", dict(event)) == expected
