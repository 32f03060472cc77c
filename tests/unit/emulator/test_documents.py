"""Durations, timestamps and the strict reading of documents."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sas_service.emulator import shapes
from sas_service.emulator.durations import (
    Delay,
    azure_timestamp,
    format_duration,
    parse_duration,
    parse_timestamp,
)
from sas_service.emulator.settings import Settings, described, patched


@pytest.mark.parametrize(
    ("text", "seconds"), [("PT10S", 10), ("PT1.5S", 1.5), ("P1DT2H3M4S", 93784), ("P2W", 1209600), ("PT0S", 0)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "P", "PT", "P1DT", "10", "-PT1S", "P1Y", "P1M", "pt1s", "PT1S "])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="ISO 8601"):
        parse_duration(text)


@given(st.integers(0, 10**10))
def test_durations_survive_writing(microseconds: int) -> None:
    seconds = microseconds / 1000
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds, abs=1e-6)


@given(st.integers(0, 4_000_000_000))
def test_timestamps_survive_writing(instant: int) -> None:
    assert parse_timestamp(azure_timestamp(instant)) == instant


@pytest.mark.parametrize("text", ["", "now", "2026-13-01T00:00:00Z", "2026-01-01", "2026-01-01T00:00:00.Z"])
def test_what_is_no_timestamp(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a date|month must be|out of range"):
        parse_timestamp(text)


@given(st.floats(0, 100), st.floats(0, 100))
def test_a_random_delay_is_between_its_bounds(first: float, second: float) -> None:
    shortest, longest = sorted((first, second))
    assert shortest <= Delay(shortest, longest).draw() <= longest


@dataclass
class Leaf:
    name: str
    many: list[int] = field(default_factory=list)


@dataclass
class Tree:
    the_leaf: Leaf
    by_name: dict[str, Leaf] = field(default_factory=dict)
    ratio: float = 0.5
    maybe: str | None = None


def test_documents_are_camel_case_and_survive_writing() -> None:
    document = {"theLeaf": {"name": "a", "many": [1]}, "byName": {"b": {"name": "b"}}, "ratio": 1.0}
    tree = shapes.read(Tree, document)
    assert tree == Tree(Leaf("a", [1]), {"b": Leaf("b")}, 1.0)
    assert shapes.write(tree) == document


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"theLeaf": {"name": "a", "colour": "b"}}, "theLeaf: unknown key colour"),
        ({"theLeaf": {}}, "theLeaf: name is missing"),
        ({"theLeaf": {"name": "a", "many": [1, "2"]}}, r"theLeaf.many\[1\]: expected int, got str"),
        ({"theLeaf": {"name": "a", "many": [True]}}, "expected int, got bool"),
        ({"theLeaf": {"name": "a"}, "byName": []}, "byName: expected an object, got list"),
        ({"theLeaf": {"name": "a"}, "maybe": 1}, "maybe: expected str, got int"),
        ([], "expected an object, got list"),
    ],
)
def test_wrong_documents_name_the_place(document: Any, message: str) -> None:
    with pytest.raises(shapes.ShapeError, match=message):
        shapes.read(Tree, document)


def test_settings_merge_and_survive() -> None:
    changed = patched(Settings(), {"propagation": {"roleAdd": "PT1S"}, "serviceQps": {"route": 7}})
    assert changed.propagation.role_add == Delay(1, 1)
    assert changed.propagation.role_remove == Delay()
    assert (changed.service_qps["route"], changed.service_qps["tile"]) == (7, 500)
    assert patched(Settings(), described(changed)) == changed
    assert patched(Settings(), shapes.write(changed)) == changed
