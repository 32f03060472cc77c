"""Scripts straight on redis-py's connections: kept, found stale, never used again after half an answer."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as Unreachable
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as TooSlow

from sas_service.adapters.redis.connection import Limits, connect
from sas_service.adapters.redis.wire import Wire
from tests.valkey_process import RunningValkey, start_valkey

SMALL = Limits(read=timedelta(seconds=0.3), connections=6)


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningValkey]:
    running = start_valkey(Path(tmp_path_factory.mktemp("wire")))
    yield running
    running.stop()


@pytest.fixture
def wire(valkey: RunningValkey) -> Wire:
    return Wire(connect(valkey.url, limits=SMALL))


def ids(wire: Wire) -> list[int]:
    return [wire.ask(("CLIENT", "ID"))[0] for _ in range(3)]


def test_one_connection_serves_one_caller_after_the_other(wire: Wire) -> None:
    assert len(set(ids(wire))) == 1


def test_one_that_the_server_closed_is_opened_again(wire: Wire, valkey: RunningValkey) -> None:
    (known,) = set(ids(wire))
    with valkey.client() as other:
        other.execute_command("CLIENT", "KILL", "ID", known)
    assert known not in ids(wire)


def test_an_answer_that_came_too_late_is_nobody_elses(wire: Wire) -> None:
    with pytest.raises(TooSlow):
        wire.ask(("BLPOP", "nothing", "1"))
    assert wire.ask(("ECHO", "mine")) == ["mine"]


def test_an_error_is_an_answer_and_the_connection_goes_on(wire: Wire) -> None:
    (known,) = set(ids(wire))
    first, second = wire.ask(("NO-SUCH-COMMAND",), ("ECHO", "x"))
    assert isinstance(first, ResponseError)
    assert (second, set(ids(wire))) == ("x", {known})


def test_more_threads_than_are_kept_and_others_still_find_one(valkey: RunningValkey) -> None:
    redis = connect(valkey.url, limits=SMALL)
    wire = Wire(redis)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda number: wire.ask(("ECHO", str(number)))[0], range(600)))
    assert answers == [str(number) for number in range(600)]
    assert redis.ping()


def test_a_server_that_is_gone_is_no_connection_lost_to_the_pool(tmp_path: Path) -> None:
    running = start_valkey(tmp_path)
    wire = Wire(connect(running.url, limits=SMALL))
    ids(wire)
    running.kill()
    for _ in range(10):
        with pytest.raises(Unreachable):
            wire.ask(("PING",))
