"""From the first layout to the second: both releases side by side, nothing lost, every query right at every moment."""

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from sas_service.adapters.redis.migrations import Migrations
from sas_service.adapters.redis.schema import Known
from sas_service.adapters.redis.server import Server
from sas_service.domain.audit import AuditEvent, EventDraft, EventKind
from sas_service.domain.errors import SchemaOutOfRange
from sas_service.domain.slots import SigningKey
from sas_service.domain.tokens import TokenRecord, TokenState
from sas_service.ports import EventQuery, TokenQuery
from tests.contract.ports import test_audit_queries as oracle
from tests.contract.ports.world import ACCOUNT, World, event, record, redis_world, signed
from tests.integration.redis.conftest import PATIENT, Connect, Start
from tests.integration.redis.first_release import FirstRelease, restore
from tests.valkey_process import RunningValkey

OWN = Path(__file__).parents[3] / "migrations"
START = datetime(2026, 11, 21, 9, tzinfo=UTC)
LONG_AGO = timedelta(days=365_000)
TOKENS = [
    TokenQuery([ACCOUNT]),
    TokenQuery([ACCOUNT], application="app-1"),
    TokenQuery([ACCOUNT], object_id="user-1"),
    TokenQuery([ACCOUNT], object_id="service-principal-2"),
    TokenQuery([ACCOUNT], teams=frozenset({"storefront"}), profile="batch"),
    TokenQuery([ACCOUNT], live_at=START - timedelta(minutes=55)),
    TokenQuery([ACCOUNT], live_at=START + timedelta(minutes=1), application="app-2"),
    TokenQuery([ACCOUNT], identity="web-b", expires_before=START),
    TokenQuery([ACCOUNT], signing_key=SigningKey.PRIMARY, now=START, states=frozenset({TokenState.ABANDONED})),
    TokenQuery([ACCOUNT], issued_after=START - timedelta(hours=1) + timedelta(seconds=40)),
]
EVENTS = [
    EventQuery([ACCOUNT, "service"]),
    EventQuery([ACCOUNT], team="storefront"),
    EventQuery([ACCOUNT], token=f"{ACCOUNT}.{6:026d}"),
    EventQuery([ACCOUNT], application="app-1"),
    EventQuery([ACCOUNT], object_id="user-1"),
    EventQuery([ACCOUNT], revocation="run-1"),
    EventQuery([ACCOUNT], kinds=frozenset({EventKind.REDELIVERED})),
    EventQuery([ACCOUNT], application="app-2", before=START - timedelta(minutes=59)),
    EventQuery([ACCOUNT], after=START - timedelta(minutes=58), before=START + timedelta(seconds=3)),
]


class Site:
    """One server with data of the first release, processes of both, and everything that was ever written to it."""

    def __init__(self, valkey: RunningValkey, redis: Redis) -> None:
        self.redis = redis
        self.old = FirstRelease(redis)
        self.served = {(stream, seq): text for stream, seq, text in restore(redis)}
        self.server = Server(redis)
        self.world: World = redis_world(valkey, self.server, max_clock_skew=LONG_AGO, empty=False)
        self.migrations = Migrations(redis, OWN, server=self.server)
        self.written: list[tuple[TokenRecord, bool]] = []
        for n in range(24):
            found = self.world.audit_log.token(f"{ACCOUNT}.{n:026d}")
            assert found is not None
            self.written.append((found, n not in {20, 21, 22}))

    def record(self, n: int) -> TokenRecord:
        plain = record(
            START + n * timedelta(seconds=1), application=f"app-{n % 4}", team=("storefront", "logistics")[n % 2]
        )
        caller = {**plain.caller, "kind": ("user", "application")[n % 2], "objectId": f"user-{n % 3}"}
        return signed(replace(plain, caller=caller))

    def old_writes(self, n: int) -> None:
        live = self.record(n)
        reserved, issued = event(live, EventKind.RESERVED), event(live, EventKind.ISSUED)
        text = self.old.issue(live, reserved, issued)
        seq = json.loads(text)["seq"]
        self.served[ACCOUNT, seq] = text
        self.written.append((live, True))

    def new_writes(self, n: int, replaces: TokenRecord | None = None) -> TokenRecord:
        live = replace(self.record(n), replaces=replaces.id if replaces else None)
        self.world.reserve(replace(live, fingerprints=(), azure_request_id=None, attempts=0))
        drafted = event(live, EventKind.ISSUED)
        told = self.world.audit_log.commit(live, drafted)
        for each in told:
            self.served[ACCOUNT, each.seq] = each.text
        if replaces:
            assert self.world.audit_log.commit(live, drafted) == told
            self.written.remove((replaces, True))
            self.written.append((replace(replaces, replaced_by=live.id), True))
        self.written.append((live, True))
        return live

    def check(self) -> None:
        """Compare every query with a plain search, and every event with what was served when it was written."""
        for query in TOKENS:
            found = oracle.walk(lambda cursor, query=query: self.world.audit_log.tokens(query, cursor=cursor, limit=4))  # type: ignore[misc]
            assert found == oracle.expected(self.written, query), query
        everything = self.events(EVENTS[0])
        assert sorted(each.seq for each in everything if each.stream == ACCOUNT) == list(
            range(1, len([each for each in everything if each.stream == ACCOUNT]) + 1)
        )
        texts = {(each.stream, each.seq): each.text for each in everything}
        assert {place: texts[place] for place in self.served} == self.served
        for asked in EVENTS:
            assert self.events(asked) == [each for each in everything if is_wanted(asked, each)], asked
        for live, committed in self.written:
            if committed:
                assert self.world.audit_log.token_by_fingerprint([ACCOUNT], str(live.fingerprint)) == live

    def events(self, query: EventQuery) -> list[AuditEvent]:
        return oracle.walk(lambda cursor: self.world.audit_log.events(query, cursor=cursor, limit=7))

    def contract(self) -> None:
        """Shut the first release out, as if its last process had stopped long ago."""
        self.redis.hset("{service}:schema:applied", "0003_second_layout", 1)
        self.migrations.upgrade(contract=True)
        self.migrations.guard()


def is_wanted(query: EventQuery, each: AuditEvent) -> bool:
    members = json.loads(each.text)
    at = datetime.fromisoformat(members["at"])
    caller = members.get("caller", {})
    draft = EventDraft(
        EventKind(members["kind"]),
        at,
        team=members.get("team"),
        token=members.get("token"),
        caller=caller,
        details={"revocation": members.get("revocation")},
    )
    return each.stream in query.streams and oracle.is_event_wanted(query, draft, each.text)


@pytest.fixture
def site(start: Start, connected: Connect) -> Site:
    valkey = start(appendfsync="always")
    return Site(valkey, connected(valkey, PATIENT))


def test_what_the_first_release_wrote_is_read_before_and_after(site: Site) -> None:
    site.check()
    assert site.migrations.upgrade() == ("0002_copy_lists",)
    site.check()
    site.contract()
    assert site.server.layout == 2
    assert site.redis.exists("{maps-demo}:issued") == 0
    site.check()
    assert site.migrations.upgrade(contract=True) == ()


def test_both_releases_write_side_by_side_and_read_each_other(site: Site) -> None:
    site.migrations.upgrade()
    site.migrations.guard()
    for n in range(0, 12, 2):
        site.old_writes(n)
        site.new_writes(n + 1)
    site.check()
    # Until the contract the older release can read all that the newer one writes.
    for live, committed in site.written:
        if committed:
            assert site.old.read(ACCOUNT, live.id.rpartition(".")[2])["fps"] == list(live.fingerprints)
    assert all(json.loads(text) for text in site.old.events(ACCOUNT))
    site.contract()
    for n in range(12, 16):
        site.new_writes(n)
    site.check()


def test_a_replaced_token_is_told_of_in_both_layouts(site: Site) -> None:
    site.migrations.upgrade()
    site.migrations.guard()
    first = site.new_writes(0)
    second = site.new_writes(1, replaces=first)
    assert site.old.events(ACCOUNT)[0] == site.events(EventQuery([ACCOUNT], token=first.id))[0].text
    site.contract()
    third = site.new_writes(2, replaces=second)
    site.check()
    for old, new in ((first, second), (second, third)):
        told = [json.loads(each.text) for each in site.events(EventQuery([ACCOUNT], token=old.id))]
        assert [each["kind"] for each in told] == ["replaced", "issued", "reserved"]
        assert (told[0]["by"], told[0]["team"]) == (new.id, old.grant.team)


def test_an_older_process_that_writes_through_the_whole_migration_loses_nothing(site: Site) -> None:
    stop = threading.Event()

    def go_on() -> None:
        number = 100
        # Hundreds a second, and not what an idle machine can do: that outruns the migration for minutes.
        while not stop.wait(0.002):
            site.old_writes(number)
            number += 1

    writer = threading.Thread(target=go_on)
    writer.start()
    try:
        site.migrations.upgrade()
        site.contract()
        for n in range(30):
            site.new_writes(n)
    finally:
        stop.set()
        writer.join()
    assert len(site.written) > 24 + 30
    site.check()


def test_the_older_release_is_shut_out_by_the_contract_and_not_before(site: Site) -> None:
    older = Migrations(site.redis, OWN, known=Known(1, 1))
    site.migrations.upgrade()
    older.guard()
    site.contract()
    with pytest.raises(SchemaOutOfRange):
        older.guard()


def test_the_second_layout_waits_for_the_last_of_the_older_processes(site: Site) -> None:
    site.migrations.upgrade()
    done = threading.Thread(target=lambda: site.migrations.upgrade(contract=True), daemon=True)
    (seconds, _) = site.redis.time()
    site.redis.hset("{service}:schema:applied", "0003_second_layout", int(seconds) - 58)
    done.start()
    site.migrations.guard()
    assert site.server.layout == 1
    done.join(20)
    site.migrations.guard()
    assert site.server.layout == 2


def test_progress_is_told(site: Site) -> None:
    site.migrations.upgrade()
    assert site.redis.hget("{service}:schema:progress", "0002_copy_lists:maps-demo") == "21/21"


def test_records_and_events_of_the_second_layout_are_a_third_smaller(site: Site) -> None:
    def written(number: int) -> int:
        site.new_writes(number)
        live = site.written[-1][0]
        newest: Any = site.redis.xrevrange("{maps-demo}:events", count=1)
        text = site.redis.get("{maps-demo}:token:" + live.id.rpartition(".")[2])
        return len(newest[0][1]["e"]) + len(str(text))

    before = written(1)
    site.migrations.upgrade()
    site.contract()
    assert written(2) < before * 2 / 3
