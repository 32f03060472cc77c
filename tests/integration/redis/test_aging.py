"""Aging against a real server and a real mirror: what leaves, what stays provable, what is left of the memory."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sas_service.adapters.audit_mirror import NdjsonMirror
from sas_service.adapters.ed25519_signing import Ed25519Signing, verify_ed25519
from sas_service.adapters.memory import MemoryClock
from sas_service.adapters.mirror_files import SegmentFiles
from sas_service.adapters.mirror_reading import SegmentReading
from sas_service.adapters.mirrored_events import LookedUp
from sas_service.adapters.redis.acknowledgements import RedisAcknowledgements
from sas_service.adapters.redis.aging import RedisAging
from sas_service.adapters.redis.connection import connect
from sas_service.adapters.redis.event_streams import RedisEventStreams
from sas_service.adapters.redis.journal import RedisJournal
from sas_service.adapters.redis.lockdowns import RedisLockdowns
from sas_service.adapters.redis.roster import RedisRoster
from sas_service.adapters.redis.seals import RedisSeals
from sas_service.adapters.redis.server import Server
from sas_service.domain.audit import AuditEvent, EventDraft, EventKind
from sas_service.domain.consumers import Acknowledgement, Consumer
from sas_service.domain.errors import AuditLogUnavailable
from sas_service.domain.log_check import LogCheck, StreamReport
from sas_service.domain.merkle import leaf_hash, proves_inclusion
from sas_service.domain.tokens import TokenRecord, TokenState
from sas_service.ports import EventQuery, Idempotency, Reserved, TokenQuery
from sas_service.services.age import LogAging
from sas_service.services.export import LogExport
from sas_service.services.known_accounts import KnownAccounts
from sas_service.services.prove import LogProofs
from sas_service.services.reap import Reaping
from sas_service.services.seal import StreamSealing
from tests.contract.ports.world import ACCOUNT, World, event, record, redis_world, signed
from tests.integration.redis.conftest import Start
from tests.unit.revocation.world import POLICY
from tests.unit.seal.world import OnePolicy
from tests.valkey_process import RunningValkey

START = datetime(2026, 1, 1, tzinfo=UTC)
MONTH = timedelta(days=30)
SIGNING = Ed25519Signing(bytes(range(32)), name="sas-service.example")
ANY_TIME = timedelta(days=365_000)


@dataclass
class Service:
    """What a process has of the audit log, with the worker's rounds that seal and age it."""

    valkey: RunningValkey
    world: World
    server: Server
    mirror: NdjsonMirror
    directory: Path
    clock: MemoryClock

    def __post_init__(self) -> None:
        self.streams, self.seals = RedisEventStreams(self.server), RedisSeals(self.server)
        policies, log = OnePolicy(), self.world.audit_log
        policies.policy = replace(POLICY, retention=MONTH)
        self.policies = policies
        self.known = [ACCOUNT]
        self.sealing = StreamSealing(
            accounts=self.accounts,
            streams=self.streams,
            seals=self.seals,
            signing=SIGNING,
            audit_log=log,
            mirror=self.mirror,
            clock=self.clock,
        )
        self.aging = RedisAging(self.server)
        self.work = LogAging(
            policies=policies,
            accounts=self.accounts,
            streams=self.streams,
            seals=self.seals,
            mirrored=LookedUp(SegmentReading(SegmentFiles(self.directory))),
            aging=self.aging,
            audit_log=log,
            journal=RedisJournal(self.server),
            lockdowns=RedisLockdowns(self.server),
            clock=self.clock,
        )

    def accounts(self) -> tuple[str, ...]:
        return tuple(self.known)

    def write(self, *events: AuditEvent) -> None:
        self.mirror.append(events)

    def issue(self, wanted: TokenRecord, *, idempotency: Idempotency | None = None) -> TokenRecord:
        outcome = self.world.reserve(wanted, idempotency=idempotency)
        assert isinstance(outcome, Reserved)
        live = signed(wanted)
        draft = event(live, EventKind.ISSUED, fingerprint=live.fingerprint)
        self.write(*outcome.events, *self.world.audit_log.commit(live, draft))
        return live

    def settle(self, wanted: TokenRecord, state: TokenState) -> None:
        outcome = self.world.reserve(wanted)
        assert isinstance(outcome, Reserved)
        kind = EventKind.REFUSED if state is TokenState.REFUSED else EventKind.ABANDONED
        self.write(*outcome.events, *self.world.audit_log.settle(wanted, state, event(wanted, kind)))

    def redeliver(self, live: TokenRecord, number: int) -> None:
        draft = event(live, EventKind.REDELIVERED, fingerprint=f"{number:064x}")
        self.write(*self.world.audit_log.redeliver(live, f"{number:064x}", draft))

    def acknowledge(self, new: TokenRecord) -> None:
        assert new.replaces
        consumer = Consumer(new.grant.team, "app-1", new.grant.profile)
        word = Acknowledgement(new.replaces, new.id, "ab", consumer, new.issued_at, new.grant.expiry)
        RedisAcknowledgements(self.server).put(ACCOUNT, word)
        self.write(*self.world.audit_log.append(event(new, EventKind.ACKNOWLEDGED, replaces=new.replaces)))

    def rounds(self) -> int:
        while self.sealing.run():
            pass
        removed = 0
        while step := self.work.run():
            removed += step
        return removed

    def verified(self) -> StreamReport:
        """Check an export against the checkpoints that the mirror has, as `audit verify` does."""
        check = LogCheck(SIGNING.verifying_key, verify_ed25519)
        for path in sorted(self.directory.glob("*.ndjson")):
            for line in path.read_text("utf-8").splitlines():
                check.mirror(line)
        for line in LogExport(streams=self.streams, seals=self.seals).ndjson(ACCOUNT):
            check.feed(line)
        assert check.strays == ()
        return next(report for report in check.reports() if report.stream == ACCOUNT)

    def mirrored(self) -> list[AuditEvent]:
        return list(SegmentReading(SegmentFiles(self.directory)).events(ACCOUNT, 0))

    def keys(self) -> dict[str, Any]:
        """Return everything that the server holds."""
        with self.valkey.client() as client:
            readers: dict[str, Callable[[str], Any]] = {
                "string": client.get,
                "hash": client.hgetall,
                "zset": lambda key: client.zrange(key, 0, -1, withscores=True),
                "set": lambda key: sorted(client.smembers(key)),
                "stream": client.xrange,
            }
            return {key: readers[client.type(key)](key) for key in client.scan_iter(count=1000)}


@pytest.fixture
def service(start: Start, tmp_path: Path) -> Iterator[Service]:
    valkey, directory = start(), tmp_path / "mirror"
    server = Server(connect(valkey.url))
    server.layout = 2
    mirror = NdjsonMirror(directory, segment_bytes=50_000)
    world = redis_world(valkey, server, max_clock_skew=ANY_TIME)
    yield Service(valkey, world, server, mirror, directory, MemoryClock(START))
    mirror.close()


def user(number: int) -> dict[str, str]:
    return {"tenantId": "t", "objectId": f"user-{number}", "applicationId": "app-2", "kind": "user"}


def live_through_everything(service: Service, at: datetime) -> list[TokenRecord]:
    """Write tokens of every kind and end; return those that were committed."""
    issued = [service.issue(record(at + timedelta(seconds=n))) for n in range(40)]
    for n, caller in enumerate(map(user, range(20))):
        wanted = replace(record(at, team=f"team-{n % 3}", profile=f"p-{n % 2}"), caller=caller)
        issued.append(service.issue(wanted, idempotency=Idempotency(f"{n:064x}", "body")))
    service.settle(record(at), TokenState.REFUSED)
    service.settle(record(at), TokenState.ABANDONED)
    for number in range(70):
        service.redeliver(issued[0], number)
    issued.append(service.issue(replace(record(at), replaces=issued[1].id)))
    service.acknowledge(issued[-1])
    draft = EventDraft(EventKind.REVOCATION_ENDED, at, account=ACCOUNT, details={"revocation": "r1"})
    service.write(*service.world.audit_log.append(draft))
    return issued


def test_what_is_over_leaves_and_stays_provable(service: Service) -> None:
    old = live_through_everything(service, START)
    written = service.streams.last(ACCOUNT)
    assert written > 190
    service.clock.advance(MONTH + timedelta(hours=2))
    new = [service.issue(record(service.clock.now() + timedelta(seconds=n))) for n in range(3)]
    assert service.rounds() == written
    texts = service.mirrored()
    assert len(texts) == written + 6
    report = service.verified()
    assert (report.events, report.hashed, report.proven) == (written + 6, written, written + 6)
    assert report.problems == ()
    proofs = LogProofs(accounts=service.accounts, seals=service.seals, verifying_key=SIGNING.verifying_key)
    newest = proofs.checkpoint(ACCOUNT).checkpoint
    for seq in (1, written // 2, written, written + 1):
        found = proofs.inclusion(ACCOUNT, seq)
        assert found.leaf == leaf_hash(texts[seq - 1].text)
        assert proves_inclusion(found.leaf, seq - 1, newest.size, found.proof, newest.root)
    log = service.world.audit_log
    assert {log.token(each.id) for each in old} == {None}
    assert {log.token_by_fingerprint([ACCOUNT], each.fingerprint or "") for each in old} == {None}
    assert list(log.tokens(TokenQuery([ACCOUNT]), cursor=None, limit=100).items) == new[::-1]
    found_events = log.events(EventQuery([ACCOUNT], team="storefront"), cursor=None, limit=100)
    assert (list(found_events.items), found_events.next) == (texts[: written - 1 : -1], None)


def test_nothing_of_a_token_is_left_and_what_lives_is_whole(service: Service) -> None:
    """The server holds afterwards what it would hold if only the living had ever been."""
    keeper = service.issue(replace(record(START + MONTH, team="keeper"), caller=user(99)))
    living = service.keys()
    with service.valkey.client() as client:
        client.flushall()
    redis_world(service.valkey, service.server, max_clock_skew=ANY_TIME)
    old = live_through_everything(service, START)
    kept = service.issue(replace(keeper, fingerprints=(), attempts=0, azure_request_id=None))
    service.clock.advance(2 * MONTH)
    with service.valkey.client() as client:
        for key in client.scan_iter(match="*idempotency*"):
            assert 0 < client.ttl(key) <= 86_400
            client.delete(key)  # a day has passed
    assert service.rounds() == service.streams.last(ACCOUNT) - 2
    left = service.keys()
    everything = json.dumps(left)
    for each in old:
        assert each.id.rpartition(".")[2] not in everything
    # What sealing keeps, and the dictionary, grow; numbers of events are others than if there had been none before.
    tags = ("seal", "tile")
    assert {key for key in left if key.partition("}:")[2].partition(":")[0] not in tags} == living.keys()
    for key, content in living.items():
        if key.endswith(":words"):
            assert content.keys() <= left[key].keys()
            # Of callers, only the one whose token lives; those of the others went with their last events.
            named = [json.loads(piece)["objectId"] for piece in left[key].values() if piece.startswith('{"tenantId"')]
            assert named == [kept.caller["objectId"]]
        elif ":events" in key:
            assert isinstance(content, str) or len(content) == len(left[key]), key
        else:
            assert content == left[key], key
    assert service.world.audit_log.token(kept.id) == kept


def test_memory_returns_to_what_lives(service: Service) -> None:
    def used() -> int:
        with service.valkey.client() as client:
            return sum(client.memory_usage(key, samples=0) or 0 for key in client.scan_iter(count=1000))

    service.issue(record(START))
    before = used()
    for n in range(383):
        service.issue(record(START + n * timedelta(seconds=1), lifetime=timedelta(hours=1)))
        if n % 50 == 0:
            service.sealing.run()
    full = used()
    service.clock.advance(2 * MONTH)
    assert service.rounds() == 768
    hashes = 768 * 43
    assert before < used() < before + 1.2 * hashes + 1_000
    assert full > 10 * used()
    assert service.verified().problems == ()


def test_a_crash_anywhere_is_finished_by_the_next_round(service: Service) -> None:
    old = [service.issue(record(START + n * timedelta(seconds=1))) for n in range(150)]
    service.clock.advance(2 * MONTH)
    run, run_all = service.server.run, service.server.run_all
    for fail_after in range(8):
        calls = 0

        def dying(*words: object, limit: int = fail_after) -> object:
            nonlocal calls
            calls += 1
            if calls > limit:
                raise AuditLogUnavailable("died")
            return (run if not isinstance(words[1], list) else run_all)(*words)  # type: ignore[arg-type]

        service.server.run = service.server.run_all = dying  # type: ignore[method-assign, assignment]
        try:
            service.sealing.run()
            service.work.run()
        except AuditLogUnavailable:
            pass
        finally:
            service.server.run, service.server.run_all = run, run_all  # type: ignore[method-assign]
    service.rounds()
    assert service.streams.after(ACCOUNT, 0, 10) == ()
    everything = json.dumps(service.keys())
    assert not [each for each in old if each.id.rpartition(".")[2] in everything]
    assert service.verified().problems == ()


def test_a_record_that_changes_while_it_is_taken_away_is_looked_at_again(service: Service) -> None:
    (old,) = [service.issue(record(START))]
    new = replace(record(START), replaces=old.id)
    run_all = service.server.run_all

    def changing(*words: object) -> object:
        if service.world.audit_log.token(old.id) == old:
            service.issue(new)
        return run_all(*words)  # type: ignore[arg-type]

    service.server.run_all = changing  # type: ignore[method-assign, assignment]
    service.aging.remove(ACCOUNT, [], [old.id])
    assert service.world.audit_log.token(old.id) is None
    found = service.world.audit_log.token(new.id)
    assert found is not None
    assert found.replaces == old.id


@pytest.mark.parametrize("lacking", ["sealed", "mirrored", "unchanged"])
def test_what_cannot_be_vouched_for_stays(service: Service, lacking: str) -> None:
    old = service.issue(record(START))
    if lacking == "mirrored":
        service.world.audit_log.append(event(old, EventKind.ACKNOWLEDGED))
    service.clock.advance(2 * MONTH)
    if lacking == "sealed":
        assert service.work.run() == 0
        return
    service.sealing.run()
    if lacking == "unchanged":
        change(service, seq=2)
        with pytest.raises(Exception, match="changed since it was sealed"):
            service.work.run()
        assert [each.seq for each in service.streams.after(ACCOUNT, 0, 5)] == [1, 2]
        return
    assert service.work.run() == 2
    assert [each.seq for each in service.streams.after(ACCOUNT, 0, 5)] == [3]


def change(service: Service, *, seq: int) -> None:
    """Edit one event behind everybody's back, as who administers the server can."""
    with service.valkey.client() as client:
        key = f"{{{ACCOUNT}}}:events"
        entries = client.xrange(key)
        client.delete(key)
        for entry, fields in entries:
            if entry == f"{seq}-0":
                fields["e"] = fields["e"].replace("issued", "denied")
            client.xadd(key, fields, id=entry)


def test_an_account_that_the_policy_has_no_more_is_sealed_aged_and_its_reservations_end(service: Service) -> None:
    old = record(START)
    outcome = service.world.reserve(old)
    assert isinstance(outcome, Reserved)
    service.write(*outcome.events)
    policy = service.policies.policy
    service.policies.policy = replace(policy, accounts={}, profiles={}, teams={})
    roster = RedisRoster(service.server)
    roster.add([ACCOUNT])
    reading = SegmentReading(SegmentFiles(service.directory))
    known = KnownAccounts(named=lambda: service.policies.policy.accounts, roster=roster, reading=reading)
    service.known[:] = known()
    assert service.known == [ACCOUNT]
    service.clock.advance(timedelta(minutes=5))
    reaping = Reaping(accounts=known, audit_log=service.world.audit_log, mirror=service.mirror, clock=service.clock)
    assert reaping.run() == 1
    service.clock.advance(MONTH + timedelta(hours=2))
    assert service.rounds() == 2
    assert service.verified().proven == 2
    assert service.world.audit_log.token(old.id) is None


def test_who_comes_back_while_his_last_events_leave_is_readable(service: Service) -> None:
    """The piece goes only where nothing names it; one more event of the caller keeps it, or brings it back."""
    asked = replace(record(START), caller=user(1))
    service.issue(asked)
    service.clock.advance(MONTH + timedelta(hours=2))
    while service.sealing.run():
        pass
    remove, seen = service.aging.remove, []

    def meanwhile(stream: str, events: Sequence[AuditEvent], tokens: Sequence[str]) -> None:
        seen.append(service.issue(replace(record(service.clock.now()), caller=user(1))))
        remove(stream, events, tokens)
        service.server.known_words.clear()
        assert service.world.audit_log.token(seen[0].id) == seen[0]
        seen.append(service.issue(replace(record(service.clock.now()), caller=user(1))))

    service.aging.remove = meanwhile  # type: ignore[method-assign]
    assert service.work.run() == 2
    service.server.known_words.clear()
    assert [service.world.audit_log.token(each.id) for each in seen] == seen
    assert len(service.streams.after(ACCOUNT, 0, 10)) == 4
    service.aging.remove = remove  # type: ignore[method-assign]
    service.clock.advance(MONTH + timedelta(hours=2))
    assert service.rounds() == 4
    service.issue(replace(record(service.clock.now()), caller=user(1)))
    service.server.known_words.clear()
    assert len(service.streams.after(ACCOUNT, 0, 10)) == 2
