"""Shared tokens over a real server and real processes: one signature, nothing readable at rest, no count lost."""

import base64
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from sas_service.domain.errors import AuditLogUnavailable
from sas_service.domain.policy import LEAST_LEFT
from sas_service.domain.tokens import TokenState
from sas_service.domain.windows import Schedule
from sas_service.ports import Flight, HandOut, NoneCurrent, Shared, TokenQuery
from sas_service.services.make_shared import offers
from tests.integration.redis.conftest import Start
from tests.integration.redis.handing_out import CALLERS, POLICY, SharedService
from tests.valkey_process import RunningValkey

KEY = secrets.token_bytes(32)
NAME = next(each.name for each in offers(POLICY) if each.team.name == "storefront")


def handed_out(service: SharedService) -> int:
    events = service.shared_tokens.fold(["maps-demo"], datetime.now(UTC) + timedelta(minutes=2))
    return sum(json.loads(event.text)["count"] for event in events)


def let_expire(service: SharedService, seen: str) -> None:
    """Make the last instant of the current token one that has just passed."""
    flight = service.shared_tokens.take_flight(NAME, "test", seen=seen, lasts=timedelta(seconds=1))
    assert isinstance(flight, Flight)
    service.redis.hset("{maps-demo}:shared:shared:storefront:" + NAME.terms, "last", "1")
    service.shared_tokens.rest(flight, timedelta(0))


def program(valkey: RunningValkey, directory: Path, threads: int, signing_time: float) -> subprocess.Popen[str]:
    """Start a process of its own that waits for ``test:go``."""
    (directory / "key").write_bytes(base64.b64encode(KEY))
    command = [sys.executable, "-m", "tests.integration.redis.handing_out", valkey.url, str(directory)]
    return subprocess.Popen([*command, str(threads), str(signing_time)], stdout=subprocess.PIPE, text=True)


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    if process.stdout:
        process.stdout.close()


def crowd(service: SharedService, valkey: RunningValkey, directory: Path, threads: int) -> list[list[str]]:
    """Let four processes with many threads each ask at one instant; return every answer."""
    running = [program(valkey, directory, threads, 0.2) for _ in range(4)]
    try:
        eventually(lambda: int(service.redis.get("test:ready") or 0) == len(running))
        service.redis.set("test:go", "1")
        outputs = [each.communicate(timeout=60)[0] for each in running]
    finally:
        for each in running:
            end(each)
    return [answer for output in outputs for answer in json.loads(output)]


@pytest.mark.parametrize("threads", [50, pytest.param(250, marks=pytest.mark.full)])
def test_at_the_instant_of_expiry_callers_of_four_processes_cost_one_signature(
    start: Start, tmp_path: Path, threads: int
) -> None:
    valkey = start()
    service = SharedService(valkey.url, {"k1": KEY})
    first, _ = service.get()
    let_expire(service, first)
    answers = crowd(service, valkey, tmp_path, threads)
    assert len(answers) == 4 * threads
    assert [each for each in answers if len(each) == 1] == [], "somebody was refused"
    assert len({tuple(each) for each in answers}) == 1
    assert answers[0][0] > first
    assert service.signatures() == 2
    assert handed_out(service) == 4 * threads + 1
    records = service.audit_log.tokens(TokenQuery(["maps-demo"]), cursor=None, limit=10).items
    assert [each.state for each in records] == [TokenState.LIVE] * 2


def test_a_process_that_dies_while_it_makes_the_token_holds_nobody_up_for_long(start: Start, tmp_path: Path) -> None:
    valkey = start()
    service = SharedService(valkey.url, {"k1": KEY}, patience=timedelta(seconds=10))
    service.redis.set("test:go", "1")
    dying = program(valkey, tmp_path, 1, 60)
    try:
        eventually(service.signatures)
    finally:
        end(dying)
    flight = "{maps-demo}:shared-flight:shared:storefront:" + NAME.terms
    service.redis.hset(flight, "until", str(int((time.time() + 1) * 1000)))  # not to wait for the 20 s it asked for
    begun = time.monotonic()
    service.get()
    assert 0.5 < time.monotonic() - begun < 5
    assert service.signatures() == 2


def test_a_key_generation_that_is_gone_ends_every_processs_copy_and_costs_one_signature(start: Start) -> None:
    valkey = start()
    one, two = (SharedService(valkey.url, {"k1": KEY}) for _ in range(2))
    dead = one.get()
    assert two.get() == dead
    SharedService(valkey.url, {"k1": KEY}).shared_tokens.end_generation("maps-demo")
    fresh = two.get()
    assert fresh[0] > dead[0]
    assert one.get() == fresh
    assert one.signatures() == 2
    assert one.slots.read("maps-demo").epoch == 1


def test_a_token_signed_before_its_key_generation_ended_is_dropped_and_another_made(start: Start) -> None:
    service = SharedService(start().url, {"k1": KEY})
    ends = iter([True, False])

    def overtaken() -> None:
        if next(ends):
            service.shared_tokens.end_generation("maps-demo")

    service.before_signing = overtaken
    given, _ = service.get()
    records = service.audit_log.tokens(TokenQuery(["maps-demo"]), cursor=None, limit=10).items
    assert [each.state for each in records] == [TokenState.LIVE, TokenState.ABANDONED]  # newest first
    assert records[0].id == given
    assert service.signatures() == 2


def test_what_lies_in_the_servers_files_opens_nothing(start: Start) -> None:
    valkey = start()
    service = SharedService(valkey.url, {"k1": KEY})
    secret = service.handing_out.current("shared", CALLERS["storefront"], request_id="r").issued.token.reveal()
    service.redis.save()
    valkey.stop()
    files = b"".join(path.read_bytes() for path in valkey.directory.rglob("*") if path.is_file())
    assert b"sealed" in files
    # How headers begin that say `typ` or `alg` first; "eyJ" alone is in one of a hundred sealed texts by chance.
    assert not any(start in files for start in (b"eyJ0eX", b"eyJhbG"))
    for part in secret.split("."):
        assert not any(part[first : first + 8].encode() in files for first in range(len(part) - 7))


def test_a_key_is_rotated_without_anybody_noticing(start: Start) -> None:
    valkey, fresh = start(), secrets.token_bytes(32)
    old = SharedService(valkey.url, {"k1": KEY})
    first = old.get()
    both = SharedService(valkey.url, {"k2": fresh, "k1": KEY})
    assert both.get() == first
    assert both.signatures() == 1
    let_expire(both, first[0])
    second = both.get()
    key = "{maps-demo}:shared:shared:storefront:" + NAME.terms
    assert str(both.redis.hget(key, "sealed")).startswith("k2.")
    assert SharedService(valkey.url, {"k2": fresh}).get() == second
    assert both.signatures() == 2
    # Who has not heard of the new key makes one of its own rather than failing.
    assert old.get()[0] > second[0]


def test_sealed_text_moved_to_another_team_opens_nothing(start: Start) -> None:
    service = SharedService(start().url, {"k1": KEY})
    first = service.get()
    key = "{maps-demo}:shared:shared:storefront:" + NAME.terms
    stored = service.redis.hgetall(key)
    forged = {**stored, "record": stored["record"].replace('"team":"storefront"', '"team":"logistics"')}
    assert forged != stored
    other = next(each.name for each in offers(POLICY) if each.team.name == "logistics")
    service.redis.hset("{maps-demo}:shared:shared:logistics:" + other.terms, mapping=forged)
    logistics = service.handing_out.current("shared", CALLERS["logistics"], request_id="r").issued
    assert (logistics.record.id, logistics.token.fingerprint) != first
    assert service.signatures() == 2


def test_a_killed_process_takes_no_count_with_it_and_a_killed_server_no_token(start: Start) -> None:
    valkey = start(appendfsync="always")
    before = SharedService(valkey.url, {"k1": KEY})
    first = before.get()
    for _ in range(4):
        before.get()
    valkey.kill()
    with pytest.raises(AuditLogUnavailable):
        before.get()
    again = start(port=valkey.port, appendfsync="always")
    after = SharedService(again.url, {"k1": KEY})
    assert after.get() == first
    assert handed_out(after) == 6


def test_a_copy_is_worth_nothing_without_the_server(start: Start) -> None:
    valkey = start()
    service = SharedService(valkey.url, {"k1": KEY})
    service.get()
    valkey.stop()
    with pytest.raises(AuditLogUnavailable):
        service.get()


def test_a_hand_out_is_one_command(start: Start) -> None:
    service = SharedService(start().url, {"k1": KEY})
    service.get()

    def commands() -> int:
        return int(service.redis.info("stats")["total_commands_processed"])

    # Commands that a script runs count, too: those of one hand-out, and INFO itself.
    service.get()
    calls = service.redis.info("commandstats")["cmdstat_evalsha"]["calls"]
    service.get()
    assert service.redis.info("commandstats")["cmdstat_evalsha"]["calls"] == calls + 1
    before = commands()
    for _ in range(10):
        service.get()
    assert (commands() - before - 1) / 10 <= 6


def with_short_windows(service: SharedService) -> SharedService:
    """Let each token be handed out for half a second only, and still end ten minutes after that."""
    put = service.shared_tokens.put

    def put_short(flight: Flight, shared: Shared) -> None:
        at = datetime.now(UTC)
        moved = Schedule(at + timedelta(milliseconds=250), at + timedelta(milliseconds=500))
        grant = replace(shared.record.grant, expiry=moved.last + LEAST_LEFT)
        put(flight, replace(shared, record=replace(shared.record, grant=grant), schedule=moved))

    service.shared_tokens.put = put_short  # type: ignore[method-assign]
    return service


def test_nobody_is_handed_one_that_is_nearly_over_nor_refused_while_windows_end_all_the_time(start: Start) -> None:
    valkey = start()
    services = [with_short_windows(SharedService(valkey.url, {"k1": KEY}, signing_time=0.02)) for _ in range(3)]
    stop, left = Event(), list[timedelta]()

    def ask(service: SharedService) -> None:
        while not stop.is_set():
            asked = datetime.now(UTC)
            issued = service.handing_out.current("shared", CALLERS["storefront"], request_id="r").issued
            left.append(issued.record.grant.expiry - asked)

    with ThreadPoolExecutor(12) as pool:
        asking = [pool.submit(ask, service) for service in services for _ in range(4)]
        time.sleep(2)
        stop.set()
        for each in asking:
            each.result(20)  # raises what a caller was refused with
    assert len(left) > 12  # each of the twelve was answered, most of them often
    # Records keep whole seconds.
    assert min(left) > LEAST_LEFT - timedelta(seconds=1)
    assert services[0].signatures() < 20


def test_an_account_in_lockdown_hands_out_nothing(start: Start) -> None:
    service = SharedService(start().url, {"k1": KEY})
    first = service.get()
    wish = HandOut(NAME, CALLERS["storefront"], datetime.now(UTC))
    service.redis.hset("{maps-demo}:slots", "frozen", "lockdown-1")
    assert service.shared_tokens.hand_out(wish) == NoneCurrent(first[0])
    service.redis.hdel("{maps-demo}:slots", "frozen")
    assert service.get() == first
