"""What may leave Redis for its age, and that nothing else does; proofs hold afterwards."""

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from sas_service.adapters.ed25519_signing import verify_ed25519
from sas_service.adapters.memory import MemoryJournal, MemoryLeases, MemoryLockdowns, MemoryMirrorReading
from sas_service.adapters.mirrored_events import LookedUp
from sas_service.domain.audit import AuditEvent, EventDraft, EventKind
from sas_service.domain.errors import AuditLogUnavailable, SealBroken
from sas_service.domain.lockdowns import Lockdown, LockdownState
from sas_service.domain.log_check import check_log
from sas_service.domain.merkle import leaf_hash, proves_inclusion
from sas_service.domain.revocations import Reason, State
from sas_service.domain.tokens import TokenState
from sas_service.services.age import LogAging
from sas_service.services.export import LogExport
from tests.contract.ports.revocation.world import revocation
from tests.contract.ports.world import event, record, reservation, signed
from tests.unit.revocation.world import POLICY
from tests.unit.seal.world import KEY, MAPS, SERVICE, OnePolicy, World

MONTH = timedelta(days=30)


@dataclass
class Old:
    """A log, and the rounds that remove what is a month old."""

    world: World = field(default_factory=World)
    retention: timedelta | None = MONTH

    def __post_init__(self) -> None:
        slots, leases = self.world.log._slots, MemoryLeases()
        slots.initialise(MAPS, {"web": "web-a"})
        self.journal, self.lockdowns = MemoryJournal(leases), MemoryLockdowns(slots, leases)
        policies = OnePolicy()
        policies.policy = replace(POLICY, retention=self.retention)
        self.work = LogAging(
            policies=policies,
            accounts=lambda: tuple(sorted(policies.current().accounts)),
            streams=self.world.streams,
            seals=self.world.seals,
            mirrored=LookedUp(MemoryMirrorReading(self.world.mirror.lines)),
            aging=self.world.log,
            audit_log=self.world.log,
            journal=self.journal,
            lockdowns=self.lockdowns,
            clock=self.world.clock,
        )

    def issue(self, lifetime: timedelta = timedelta(hours=1), *, commits: bool = True) -> str:
        fresh = record(self.world.clock.now(), lifetime=lifetime)
        self.world.log.reserve(reservation(fresh))
        self.world.mirror.append(self.world.log.after(MAPS, self.world.log.last(MAPS) - 1, 1))
        if commits:
            self.world.mirror.append(self.world.log.commit(signed(fresh), event(fresh, EventKind.ISSUED)))
        return fresh.id

    def left(self, stream: str = MAPS) -> list[int]:
        return [each.seq for each in self.world.streams.after(stream, 0, 10_000)]

    def rounds(self) -> int:
        self.world.worker().run()
        return self.work.run()


def test_what_is_old_goes_and_every_proof_still_holds() -> None:
    old = Old()
    tokens = [old.issue() for _ in range(300)]
    old.world.write(2, account=None)
    old.world.clock.advance(MONTH + timedelta(hours=2))
    old.issue()
    assert old.rounds() == 602
    assert (old.left(), old.left(SERVICE)) == ([601, 602], [])
    assert [old.world.log.token(token) for token in tokens] == [None] * 300
    texts = [line for line in old.world.mirror.lines() if '"seq"' in line and f'"stream":"{MAPS}"' in line]
    newest = old.world.proofs().checkpoint(MAPS).checkpoint
    for seq in (1, 300, 602):
        found = old.world.proofs().inclusion(MAPS, seq)
        assert found.leaf == leaf_hash(texts[seq - 1])
        assert proves_inclusion(found.leaf, seq - 1, newest.size, found.proof, newest.root)
    lines = LogExport(streams=old.world.streams, seals=old.world.seals).ndjson(MAPS)
    (report,), strays = check_log(lines, old.world.notes(), [], KEY, verify_ed25519)
    assert (report.hashed, report.proven, report.problems, strays) == (600, 602, (), ())


def test_without_a_retention_everything_stays() -> None:
    old = Old(retention=None)
    old.issue()
    old.world.clock.advance(timedelta(days=4000))
    assert old.rounds() == 0
    assert old.left() == [1, 2]


def test_what_is_not_old_enough_stays() -> None:
    old = Old()
    old.issue()
    old.world.clock.advance(MONTH + timedelta(minutes=59))
    assert old.rounds() == 0
    old.world.clock.advance(timedelta(minutes=2))
    assert old.rounds() == 2


def test_a_token_that_lives_holds_back_what_came_after_it() -> None:
    old = Old()
    old.issue()
    old.issue(timedelta(days=60))
    old.issue()
    old.world.clock.advance(timedelta(days=89))
    assert old.rounds() == 2
    assert old.left() == [3, 4, 5, 6]
    old.world.clock.advance(timedelta(days=2))
    assert old.rounds() == 4


def test_an_open_reservation_and_an_open_revocation_hold_back_too() -> None:
    old = Old()
    old.issue(commits=False)
    old.world.clock.advance(timedelta(days=400))
    assert old.rounds() == 0
    other = Old()
    run = other.journal.start(replace(other.journal.add(revocation(account=MAPS)), state=State.RUNNING))
    draft = EventDraft(EventKind.REVOCATION_STEP, other.world.clock.now(), MAPS, details={"revocation": run.id})
    other.world.mirror.append(other.world.log.append(draft))
    other.world.clock.advance(timedelta(days=400))
    assert other.rounds() == 0


def test_an_open_lockdown_holds_back_its_events() -> None:
    old = Old()
    lockdown = Lockdown("l1", MAPS, Reason.TOKEN_LEAK, {"objectId": "admin"}, old.world.clock.now())
    draft = EventDraft(EventKind.LOCKDOWN_BEGUN, old.world.clock.now(), MAPS, details={"lockdown": "l1"})
    old.world.mirror.append(old.world.log.append(draft))
    kept = old.lockdowns.begin(lockdown)
    old.world.clock.advance(timedelta(days=400))
    assert old.rounds() == 0
    now = old.world.clock.now()
    lease = old.journal._leases.take(MAPS, "worker", until=now + MONTH, now=now)
    assert lease
    old.lockdowns.save(replace(kept, state=LockdownState.RELEASED), lease=lease)
    assert old.rounds() == 1


def test_a_longer_retention_leaves_nothing_half_removed() -> None:
    old = Old()
    token = old.issue()
    old.world.worker().run()
    old.world.clock.advance(timedelta(days=40))
    seals, remove = old.world.seals, old.world.log.remove
    seal = seals.read(MAPS)
    assert seals.advance(MAPS, seal, replace(seal, aged=2)), "a worker died between the seal and the removal"
    old.work._policies.policy = replace(POLICY, retention=timedelta(days=4000))  # type: ignore[attr-defined]
    assert old.work.run() == 2
    assert old.world.log.token(token) is None
    remove(MAPS, [], [token])


def test_an_event_of_the_service_does_not_take_an_accounts_token_along() -> None:
    old = Old()
    old.issue(timedelta(days=60))
    token = old.issue()
    draft = EventDraft(EventKind.POLICY_CHANGED, old.world.clock.now(), token=token)
    old.world.mirror.append(old.world.log.append(draft))
    old.world.clock.advance(timedelta(days=50))
    assert old.rounds() == 1
    assert (old.left(SERVICE), old.left()) == ([], [1, 2, 3, 4])
    assert old.world.log.token(token) is not None


def test_sealing_while_another_worker_removes_is_no_alarm() -> None:
    old = Old()
    old.world.write(300)
    sealing = old.world.worker()
    sealing.run()
    old.world.clock.advance(timedelta(days=40))
    read = old.world.seals.read
    stale = [read(MAPS), read(SERVICE)]
    assert old.work.run() == 300
    old.world.write(1)
    old.world.seals.read = lambda stream: stale.pop(0) if stream == MAPS and len(stale) == 2 else read(stream)  # type: ignore[method-assign]
    assert sealing.run() == 0
    assert sealing.run() == 1


def test_an_export_that_is_overtaken_says_so() -> None:
    old = Old()
    old.world.write(1200)
    old.world.worker().run()
    export = LogExport(streams=old.world.streams, seals=old.world.seals)
    old.world.clock.advance(timedelta(days=40))
    lines = export.ndjson(MAPS)
    for _ in range(100):
        next(lines)
    assert old.work.run() == 1200
    with pytest.raises(AuditLogUnavailable, match="export again"):
        list(lines)
    anew = list(export.ndjson(MAPS))
    assert len(anew) == 1 + 5
    assert list(export.csv(MAPS)) == []


@pytest.mark.parametrize(("state", "goes"), [(TokenState.REFUSED, True), (TokenState.ABANDONED, False)])
def test_an_abandoned_token_counts_until_it_would_have_expired(state: TokenState, goes: bool) -> None:
    old = Old()
    token = old.issue(timedelta(days=90), commits=False)
    known = old.world.log.token(token)
    assert known is not None
    draft = event(known, EventKind.ABANDONED)
    old.world.mirror.append(old.world.log.settle(known, state, draft))
    old.world.clock.advance(timedelta(days=100))
    assert bool(old.rounds()) is goes


def test_what_is_not_sealed_or_not_mirrored_stays() -> None:
    old = Old()
    old.issue()
    old.world.clock.advance(timedelta(days=40))
    assert old.work.run() == 0, "nothing is sealed"
    lost = [line for line in old.world.mirror.lines() if json.loads(line).get("seq") != 2]
    old.work._mirrored = LookedUp(MemoryMirrorReading(lambda: lost))
    assert old.rounds() == 1
    assert old.left() == [2]


def test_a_text_that_has_changed_does_not_go() -> None:
    old = Old()
    old.world.write(3)
    old.world.worker().run()
    old.world.clock.advance(timedelta(days=40))
    old.world.change(2, old.world.texts()[1].replace('"n":1', '"n":7'))
    with pytest.raises(SealBroken):
        old.work.run()
    assert old.left() == [1, 2, 3]


def test_a_crash_before_the_removal_is_finished_by_the_next_round() -> None:
    old = Old()
    old.world.write(3)
    old.world.worker().run()
    old.world.clock.advance(timedelta(days=40))
    old.world.log.fail_with(AuditLogUnavailable("died"))
    with pytest.raises(AuditLogUnavailable):
        old.work.run()
    assert (old.left(), old.world.seals.read(MAPS).aged) == ([1, 2, 3], 3)
    old.world.worker().run()
    assert old.work.run() == 3
    assert old.left() == []


def test_events_are_removed_from_the_beginning_alone() -> None:
    with pytest.raises(ValueError, match="from the beginning"):
        World().log.remove(MAPS, [AuditEvent(MAPS, 2, "{}")], [])
