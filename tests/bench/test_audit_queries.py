"""What a page of 50 costs the server with 10,000 tokens and with many more, and what a token and an event weigh.

Server time is what the server itself counts (INFO commandstats), so that a busy machine changes little. A page costs
that and the processor time of who asks for it and reads it: what the prototypes measured (performance.md, section 4).
SAS_BENCH_TOKENS says how many tokens (1,000,000); with fewer than 200,000 nothing is demanded of the ratios. With
SAS_BENCH_DISABLE_THP=no and GLIBC_TUNABLES=glibc.malloc.hugetlb=1 the servers' memory is in huge pages.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from statistics import quantiles

import pytest

from sas_service.domain.slots import SigningKey
from sas_service.ports import EventQuery, TokenQuery
from tests.bench.audit_site import AuditSite
from tests.bench.generator import ACCOUNT, START, STEP, uuid_of

FEW = 10_000
SAMPLE = 1_500
MANY = int(os.environ.get("SAS_BENCH_TOKENS", "1_000_000"))
ENOUGH = 200_000
ROUNDS, PAGES = 21, 3
PAGE = 50
MOST_RATIO, MOST_US = 1.2, 5_000
MOST_SERVER_RATIO = 2.0
"""The caches of the processor hold 10,000 tokens and not a million: docs/storage.md. More would be another reason."""
MOST_TOKEN, MOST_EVENT = 1024, 512
# What measures, and what scripts call: the time of a script has it already.
NOT_COUNTED = {"config|resetstat", "info", "zcount", "zrevrange", "xrange", "zrangebyscore"}
MOST_GROWTH_KIB = 16_384

Ask = Callable[[AuditSite, str | None], str | None]


def tokens(**told: object) -> Ask:
    def ask(site: AuditSite, cursor: str | None) -> str | None:
        page = site.log.tokens(TokenQuery([ACCOUNT], **told), cursor=cursor, limit=PAGE)  # type: ignore[arg-type]
        assert page.items
        return page.next

    return ask


def events(**told: object) -> Ask:
    def ask(site: AuditSite, cursor: str | None) -> str | None:
        page = site.log.events(EventQuery([ACCOUNT], **told), cursor=cursor, limit=PAGE)  # type: ignore[arg-type]
        assert page.items
        return page.next

    return ask


def by_fingerprint(site: AuditSite, _cursor: str | None) -> str | None:
    (record,) = site.log.tokens(TokenQuery([ACCOUNT]), cursor=None, limit=1).items
    assert site.log.token_by_fingerprint([ACCOUNT], str(record.fingerprint)) == record
    return None


def asked(last: int) -> Mapping[str, Ask]:
    """Return the queries; the moment is in the middle of the first 10,000 tokens, so both sizes have it."""
    middle = START + FEW // 2 * STEP
    application, user = uuid_of("client 17"), uuid_of("application 17")
    end = START + last * STEP
    return {
        "tokens: all": tokens(),
        "tokens: a time": tokens(issued_before=middle),
        "tokens: team": tokens(teams=frozenset({"team-1"})),
        "tokens: team, a time": tokens(teams=frozenset({"team-1"}), issued_before=middle),
        "tokens: profile": tokens(profile="web-1-2"),
        "tokens: application": tokens(application=application),
        "tokens: application, a time": tokens(application=application, issued_before=middle),
        "tokens: object id": tokens(object_id=user),
        "tokens: slot by expiry": tokens(signing_key=SigningKey.PRIMARY, identity="web-a", expires_after=end),
        "tokens: live at a time": tokens(live_at=middle),
        "tokens: live now": tokens(live_at=end),
        "token: fingerprint": by_fingerprint,
        "events: all": events(),
        "events: a time": events(before=middle),
        "events: team": events(team="team-1"),
        "events: team, a time": events(team="team-1", before=middle),
        "events: application": events(application=application),
        "events: object id": events(object_id=user),
    }


@dataclass(frozen=True)
class Cost:
    """Microseconds for a page: of the server, and with those of who asks."""

    server: float
    page: float


def cost(site: AuditSite, ask: Ask) -> Cost:
    """Return what each of the first pages costs."""
    cursor, pages = None, 0
    site.redis.config_resetstat()
    begun = time.process_time_ns()
    while pages < PAGES:
        cursor, pages = ask(site, cursor), pages + 1
        if cursor is None:
            break
    asking = (time.process_time_ns() - begun) / 1000
    stats = site.redis.info("commandstats")
    server = float(sum(one["usec"] for name, one in stats.items() if name.partition("_")[2] not in NOT_COUNTED))
    return Cost(server / pages, (server + asking) / pages)


def compared(few: AuditSite, many: AuditSite) -> dict[str, tuple[Cost, Cost]]:
    """Return both costs of each query: lower quartiles of rounds in turns.

    A busy machine is as busy for both, and whatever interrupts only ever adds to what a page costs.
    """
    small, large = asked(FEW), asked(MANY)
    costs = {}
    for name in small:
        rounds = [(cost(few, small[name]), cost(many, large[name])) for _ in range(ROUNDS)]
        costs[name] = (typical([one for one, _ in rounds]), typical([other for _, other in rounds]))
    return costs


def typical(costs: list[Cost]) -> Cost:
    return Cost(quartile([each.server for each in costs]), quartile([each.page for each in costs]))


def quartile(costs: list[float]) -> float:
    return quantiles(costs, n=4)[0]


def exported(site: AuditSite) -> tuple[int, int, int]:
    """Export it all in another process; return lines, and its peak in KiB after 20,000 of them and after all."""
    program = [sys.executable, "-m", "tests.bench.export_child", site.valkey.url, ACCOUNT]
    answer = subprocess.run(program, check=True, capture_output=True, text=True)
    lines, early, last = map(int, answer.stdout.split())
    return lines, early, last


def weights(site: AuditSite) -> tuple[float, float]:
    """Return the bytes of a token with its indexes, and of an event with its pointers; there are two a token."""
    of_events = 0
    for key in site.redis.scan_iter(match="{maps-demo}:events*", count=10_000):
        of_events += int(site.redis.memory_usage(key, samples=0) or 0)
    return (site.used() - site.empty - of_events) / site.count, of_events / site.count / 2


@pytest.fixture
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AuditSite, AuditSite]]:
    both = AuditSite(tmp_path_factory.mktemp("few")), AuditSite(tmp_path_factory.mktemp("many"))
    yield both
    for site in both:
        site.valkey.stop()


def test_quick_filling_writes_what_the_service_writes(sites: tuple[AuditSite, AuditSite]) -> None:
    plain, quick = sites
    plain.fill(SAMPLE, quickly=False)
    quick.fill(SAMPLE)
    kept = [contents(site) for site in sites]
    assert kept[0].keys() == kept[1].keys()
    assert {key: each for key, each in kept[0].items() if each != kept[1][key]} == {}


def contents(site: AuditSite) -> dict[str, object]:
    """Return every key with its encoding and all that it holds."""
    readers: dict[str, Callable[[str], object]] = {
        "string": site.redis.get,
        "hash": site.redis.hgetall,
        "zset": lambda key: site.redis.zrange(key, 0, -1, withscores=True),
        "set": site.redis.smembers,
        "stream": site.redis.xrange,
    }
    keys = list(site.redis.scan_iter(count=10_000))
    # Whether a number is stored as one or as text is the server's whim (a script's is text).
    return {
        key: (readers[kind](key), kind == "string" or site.redis.object("encoding", key))
        for key in keys
        for kind in (str(site.redis.type(key)),)
    }


def test_pages_cost_the_same_however_old_the_service_is(sites: tuple[AuditSite, AuditSite]) -> None:
    few, many = sites
    few.fill(FEW)
    many.fill(MANY)
    assert int(many.redis.xlen("{maps-demo}:events")) == 2 * MANY
    costs = compared(few, many)
    token, event = weights(many)
    show(costs)
    print(f"\na token with its indexes: {token:.0f} bytes; an event with its pointers: {event:.0f} bytes")
    lines, early, last = exported(many)
    print(f"an export of {lines:,} events: {early / 1024:.0f} MiB after 20,000, {last / 1024:.0f} MiB after all")
    assert lines == 2 * MANY
    assert last - early < MOST_GROWTH_KIB
    assert token <= MOST_TOKEN
    assert event <= MOST_EVENT
    assert max(large.server for _, large in costs.values()) <= MOST_US
    if MANY >= ENOUGH:
        slower = {name: large.page / small.page for name, (small, large) in costs.items()}
        assert max(slower.values()) <= MOST_RATIO, slower
        alone = {name: large.server / small.server for name, (small, large) in costs.items()}
        assert max(alone.values()) <= MOST_SERVER_RATIO, alone


def show(costs: Mapping[str, tuple[Cost, Cost]]) -> None:
    print(f"\n| page of {PAGE}, us | {FEW:,} tokens | {MANY:,} | ratio | server: {FEW:,} | {MANY:,} | ratio |")
    print("|---" * 7 + "|")
    for name, (small, large) in costs.items():
        page = f"{small.page:.0f} | {large.page:.0f} | {large.page / small.page:.2f}"
        server = f"{small.server:.0f} | {large.server:.0f} | {large.server / small.server:.2f}"
        print(f"| {name} | {page} | {server} |")
