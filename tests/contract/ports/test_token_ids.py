"""Token ids: fresh, 26 characters, ordered by time."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sas_service.adapters.memory import MemoryTokenIds
from sas_service.adapters.token_ids import RandomTokenIds, suffix
from sas_service.domain.tokens import account_of
from sas_service.ports import TokenIds

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


@pytest.fixture(params=[MemoryTokenIds, RandomTokenIds])
def token_ids(request: pytest.FixtureRequest) -> TokenIds:
    made: TokenIds = request.param()
    return made


def test_an_id_is_the_account_and_26_lower_case_characters(token_ids: TokenIds) -> None:
    token_id = token_ids.new("maps.demo", NOW)
    assert account_of(token_id) == "maps.demo"
    tail = token_id.rpartition(".")[2]
    assert len(tail) == 26
    assert set(tail) <= set("0123456789abcdefghijklmnopqrstuv")


def test_ids_are_ordered_by_time(token_ids: TokenIds) -> None:
    ids = [token_ids.new("maps", NOW + number * timedelta(milliseconds=1)) for number in range(50)]
    assert ids == sorted(ids)


def test_no_id_comes_twice(token_ids: TokenIds) -> None:
    with ThreadPoolExecutor(8) as threads:
        ids = list(threads.map(lambda _: token_ids.new("maps", NOW), range(4000)))
    assert len(set(ids)) == len(ids)


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**74 - 1))
def test_a_suffix_is_a_version_7_uuid(milliseconds: int, bits: int) -> None:
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds % 10**14)
    number = int(suffix(instant, bits), 32)
    assert number >> 80 == milliseconds % 10**14
    assert (number >> 76) & 15 == 7
    assert (number >> 62) & 3 == 2
    assert (((number >> 64) & 0xFFF) << 62) | (number & (2**62 - 1)) == bits
