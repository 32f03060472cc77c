"""What the mirror missed is written to it, in bounded rounds, until log and mirror agree; on the twins and for real."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sas_service.adapters.audit_mirror import NdjsonMirror
from sas_service.adapters.memory import (
    MemoryAuditLog,
    MemoryAuditMirror,
    MemoryClock,
    MemoryMirrorProgress,
    MemoryMirrorReading,
)
from sas_service.adapters.mirror_files import SegmentFiles
from sas_service.adapters.mirror_reading import SegmentReading
from sas_service.adapters.mirrored_events import LookedUp
from sas_service.adapters.redis.event_streams import RedisEventStreams
from sas_service.adapters.redis.mirror_progress import RedisMirrorProgress
from sas_service.adapters.redis.server import Server
from sas_service.domain.audit import AuditEvent, EventDraft, EventKind
from sas_service.domain.errors import MirrorUnavailable
from sas_service.ports import AuditMirror, EventStreams, MirrorProgress, MirrorReading
from sas_service.services.backfill_mirror import MirrorBackfill
from tests.contract.ports.world import ACCOUNT, OTHER_ACCOUNT, World, memory_world, redis_world
from tests.valkey_process import RunningValkey


class Accounts:
    """A policy as far as backfilling looks at it."""

    accounts = (ACCOUNT, OTHER_ACCOUNT)

    def current(self) -> "Accounts":
        return self


@dataclass
class Site:
    world: World
    streams: EventStreams
    mirror: AuditMirror
    reading: MirrorReading
    progress: MirrorProgress
    clock: MemoryClock

    @property
    def backfill(self) -> MirrorBackfill:
        return self.filling()

    def filling(self, **sizes: int) -> MirrorBackfill:
        return MirrorBackfill(
            accounts=lambda: (ACCOUNT,),
            streams=self.streams,
            reading=self.reading,
            mirrored=LookedUp(self.reading),
            mirror=self.mirror,
            progress=self.progress,
            clock=self.clock,
            **sizes,
        )

    def append(self, *, mirrored: bool, account: str | None = ACCOUNT) -> AuditEvent:
        draft = EventDraft(EventKind.CORS_CHANGED, self.clock.now(), account=account)
        (event,) = self.world.audit_log.append(draft)
        if mirrored:
            self.mirror.append([event])
        return event

    def mirrored(self, stream: str = ACCOUNT) -> Sequence[AuditEvent]:
        return list(self.reading.events(stream, 0))

    def later(self) -> None:
        self.clock.advance(timedelta(seconds=11))


@pytest.fixture(params=["memory", "redis"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    clock = MemoryClock(datetime.now(UTC))
    if request.param == "memory":
        mirror, world = MemoryAuditMirror(), memory_world()
        assert isinstance(world.audit_log, MemoryAuditLog)
        yield Site(world, world.audit_log, mirror, MemoryMirrorReading(mirror.lines), MemoryMirrorProgress(), clock)
        return
    valkey: RunningValkey = request.getfixturevalue("valkey")
    server: Server = request.getfixturevalue("server")
    files = NdjsonMirror(tmp_path / "mirror")
    yield Site(
        redis_world(valkey, server),
        RedisEventStreams(server),
        files,
        SegmentReading(SegmentFiles(tmp_path / "mirror")),
        RedisMirrorProgress(server),
        clock,
    )
    files.close()


def test_what_was_not_mirrored_is_filled_in_once(site: Site) -> None:
    events = [site.append(mirrored=number % 3 == 0) for number in range(20)]
    service = site.append(mirrored=False, account=None)
    site.later()
    assert site.backfill.behind() == 21
    assert site.backfill.run() == 14
    assert site.mirrored() == events
    assert site.mirrored("service") == [service]
    assert (site.backfill.run(), site.backfill.behind()) == (0, 0)


def test_what_may_still_be_on_its_way_is_left_alone(site: Site) -> None:
    site.append(mirrored=False)
    assert site.backfill.run() == 0
    assert site.backfill.behind() == 1
    site.later()
    assert site.backfill.run() == 1


def test_a_mirror_that_cannot_be_written_is_filled_in_later(site: Site) -> None:
    event = site.append(mirrored=False)
    site.later()

    class Broken(MemoryAuditMirror):
        def append(self, events: Sequence[AuditEvent], *, sync: bool = True) -> None:
            raise MirrorUnavailable("full")

    whole, site.mirror = site.mirror, Broken()
    with pytest.raises(MirrorUnavailable):
        site.backfill.run()
    site.mirror = whole
    assert site.backfill.behind() == 1
    assert site.backfill.run() == 1
    assert site.mirrored() == [event]


def test_a_round_is_bounded_and_rounds_come_to_an_end(site: Site) -> None:
    filling = site.filling(batch=10, most=30)
    for _ in range(70):
        site.append(mirrored=False)
    site.later()
    assert [filling.run() for _ in range(4)] == [30, 30, 10, 0]
    assert [json.loads(each.text)["seq"] for each in site.mirrored()] == list(range(1, 71))


def test_an_emptied_mirror_is_written_anew(site: Site) -> None:
    events = [site.append(mirrored=True) for _ in range(5)]
    site.later()
    assert site.backfill.run() == 0
    empty = MemoryAuditMirror()
    site.mirror, site.reading = empty, MemoryMirrorReading(empty.lines)
    assert site.backfill.run() == 5
    assert site.mirrored() == events


def test_a_text_that_differs_is_not_taken_for_the_event(site: Site) -> None:
    event = site.append(mirrored=False)
    site.mirror.append([AuditEvent(ACCOUNT, 1, json.dumps({"stream": ACCOUNT, "seq": 1, "kind": "other"}))])
    site.later()
    assert site.backfill.run() == 1
    assert event in site.mirrored()
