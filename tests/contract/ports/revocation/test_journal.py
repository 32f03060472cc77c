"""The journal: who writes has read the newest, one run holds an account, and an old fence writes nothing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from sas_service.domain.errors import LeaseLost, NotFound, RevisionConflict, RunInProgress
from sas_service.domain.revocations import OPEN, State
from sas_service.domain.runs import Revocation
from tests.contract.ports.revocation.world import Revoking, revocation
from tests.contract.ports.test_races import at_once
from tests.contract.ports.world import ACCOUNT, OTHER_ACCOUNT

SHORT = timedelta(milliseconds=100)


def preempted(run: Revocation, by: Revocation) -> Revocation:
    return replace(run, state=State.ABORTED, preempted_by=by.id)


def test_a_plan_is_remembered_with_its_first_revision(revoking: Revoking) -> None:
    plan = revocation()
    added = revoking.journal.add(plan)
    assert added == replace(plan, revision=1) == revoking.journal.read(plan.id)
    assert revoking.journal.running(ACCOUNT) is None


def test_what_was_never_added_is_not_there(revoking: Revoking) -> None:
    assert revoking.journal.of(ACCOUNT) == ()
    stranger = revocation()
    attempts: list[Callable[[], object]] = [
        lambda: revoking.journal.read(stranger.id),
        lambda: revoking.journal.amend(stranger),
        lambda: revoking.journal.start(replace(stranger, state=State.RUNNING)),
        lambda: revoking.journal.save(stranger, fence=revoking.lease("a").fence),
    ]
    for attempt in attempts:
        with pytest.raises(NotFound):
            attempt()
    assert revoking.journal.of(ACCOUNT) == ()


def test_all_of_an_account_newest_first(revoking: Revoking) -> None:
    added = [revoking.planned() for _ in range(120)]
    elsewhere = revoking.planned(account=OTHER_ACCOUNT)
    amended = revoking.journal.amend(replace(added[7], approved_by=("approver",)))
    added[7] = amended
    assert revoking.journal.of(ACCOUNT) == tuple(reversed(added))
    assert revoking.journal.of(OTHER_ACCOUNT) == (elsewhere,)


@pytest.mark.parametrize("state", list(State))
def test_every_state_comes_back_and_holds_its_account_or_not(revoking: Revoking, state: State) -> None:
    run = revoking.started()
    changed = revoking.journal.save(replace(run, state=state), fence=revoking.lease("a").fence)
    assert revoking.journal.read(run.id) == changed == replace(run, state=state, revision=3)
    assert revoking.journal.running(ACCOUNT) == (changed if state in OPEN else None)


def test_only_the_newest_revision_is_written_over(revoking: Revoking) -> None:
    old = revoking.planned()
    new = revoking.journal.amend(replace(old, approved_by=("somebody",)))
    fence = revoking.lease("a").fence
    stale = replace(old, approved_by=("else",))
    attempts: list[Callable[[], object]] = [
        lambda: revoking.journal.amend(stale),
        lambda: revoking.journal.save(stale, fence=fence),
        lambda: revoking.journal.start(replace(stale, state=State.RUNNING)),
    ]
    for attempt in attempts:
        with pytest.raises(RevisionConflict):
            attempt()
    assert revoking.journal.read(old.id) == new
    assert revoking.journal.running(ACCOUNT) is None


def test_a_write_whose_reply_was_lost_may_be_repeated(revoking: Revoking) -> None:
    plan = revoking.planned()
    running = replace(plan, state=State.RUNNING)
    assert revoking.journal.start(running) == revoking.journal.start(running) == revoking.journal.running(ACCOUNT)
    paused = replace(running, state=State.PAUSED, revision=2)
    assert revoking.journal.amend(paused) == revoking.journal.amend(paused)
    fence = revoking.lease("a").fence
    done = replace(paused, state=State.COMPLETED, revision=3)
    assert revoking.journal.save(done, fence=fence) == revoking.journal.save(done, fence=fence)
    assert revoking.journal.read(plan.id).revision == 4


def test_one_run_holds_an_account(revoking: Revoking) -> None:
    running, second = revoking.started(), revoking.planned()
    with pytest.raises(RunInProgress) as refused:
        revoking.journal.start(replace(second, state=State.RUNNING))
    assert refused.value.extra["running"] == running.id
    assert revoking.journal.read(second.id) == second
    revoking.started(account=OTHER_ACCOUNT)
    revoking.journal.save(replace(running, state=State.COMPLETED), fence=revoking.lease("a").fence)
    started = revoking.journal.start(replace(second, state=State.RUNNING))
    assert revoking.journal.running(ACCOUNT) == started


def test_one_of_many_starts_wins(revoking: Revoking) -> None:
    plans = [revoking.planned() for _ in range(16)]
    outcomes = at_once(lambda number: revoking.journal.start(replace(plans[number], state=State.RUNNING)), 16)
    (winner,) = [each for each in outcomes if isinstance(each, Revocation)]
    assert revoking.journal.running(ACCOUNT) == winner
    losers = [each for each in outcomes if isinstance(each, RunInProgress)]
    assert [loser.extra["running"] for loser in losers] == [winner.id] * 15


def test_a_run_that_is_adopted_ends_as_the_other_begins(revoking: Revoking) -> None:
    old, new = revoking.started(), revoking.planned()
    lease = revoking.lease("a")
    started = revoking.journal.start(replace(new, state=State.RUNNING), instead_of=preempted(old, new))
    assert revoking.journal.running(ACCOUNT) == started
    assert revoking.journal.read(old.id) == replace(preempted(old, new), revision=old.revision + 1)
    with pytest.raises(LeaseLost):
        revoking.journal.save(started, fence=lease.fence)
    # Whoever comes next need not wait for the lease of the run that is over.
    assert revoking.lease("b").fence > lease.fence


def test_an_adopted_run_that_moved_on_is_not_adopted(revoking: Revoking) -> None:
    old, new = revoking.started(), revoking.planned()
    lease = revoking.lease("a")
    moved = revoking.journal.save(replace(old, warned=1), fence=lease.fence)
    with pytest.raises(RevisionConflict):
        revoking.journal.start(replace(new, state=State.RUNNING), instead_of=preempted(old, new))
    assert revoking.journal.running(ACCOUNT) == moved
    assert revoking.journal.read(new.id) == new
    assert revoking.journal.save(replace(moved, warned=2), fence=lease.fence).warned == 2


def test_only_the_run_that_holds_the_account_can_be_adopted(revoking: Revoking) -> None:
    running, bystander, new = revoking.started(), revoking.planned(), revoking.planned()
    with pytest.raises(RunInProgress) as refused:
        revoking.journal.start(replace(new, state=State.RUNNING), instead_of=preempted(bystander, new))
    assert refused.value.extra["running"] == running.id
    assert revoking.journal.read(bystander.id) == bystander


def test_a_zombie_writes_nothing_not_even_what_stands(revoking: Revoking) -> None:
    run = revoking.started()
    zombie = revoking.lease("a", SHORT)
    intended = replace(run, warned=1)
    written = revoking.journal.save(intended, fence=zombie.fence)
    revoking.wait(SHORT * 1.2)
    successor = revoking.lease("b")
    for attempt in (intended, replace(written, warned=2)):
        with pytest.raises(LeaseLost):
            revoking.journal.save(attempt, fence=zombie.fence)
    assert revoking.journal.read(run.id) == written
    assert revoking.journal.save(replace(written, warned=3), fence=successor.fence).warned == 3


def test_a_lease_that_is_over_but_not_taken_still_writes(revoking: Revoking) -> None:
    run = revoking.started()
    lease = revoking.lease("a", SHORT)
    revoking.wait(SHORT * 1.2)
    revoking.leases.release(lease)
    assert revoking.journal.save(replace(run, warned=1), fence=lease.fence).warned == 1


def test_persons_and_runners_do_not_write_over_each_other(revoking: Revoking) -> None:
    """Each of them reads, adds its own mark and writes; nobody's mark may be lost."""
    run, fence = revoking.started(), revoking.lease("a").fence

    def mark(number: int) -> None:
        while True:
            read = revoking.journal.read(run.id)
            marked = replace(read, excused=read.excused | {str(number)})
            try:
                if number % 2:
                    revoking.journal.amend(marked)
                else:
                    revoking.journal.save(marked, fence=fence)
            except RevisionConflict:
                continue
            return

    assert at_once(mark, 24) == [None] * 24
    marked = revoking.journal.read(run.id)
    assert marked.excused == {str(number) for number in range(24)}
    assert marked.revision == run.revision + 24


def test_two_runners_race_and_the_newest_fence_has_the_last_word(revoking: Revoking) -> None:
    run = revoking.started()

    def work(number: int) -> int:
        """Take, write, hand over: like a runner whose lease ends at any moment."""
        written = 0
        for _ in range(15):
            lease = revoking.take(f"runner-{number}", timedelta(milliseconds=4))
            if lease is None:
                revoking.wait(timedelta(milliseconds=2))
                continue
            entry = revoking.journal.read(run.id)
            revoking.wait(timedelta(milliseconds=number))
            try:
                revoking.journal.save(replace(entry, warned=lease.fence), fence=lease.fence)
            except (LeaseLost, RevisionConflict):
                continue
            written += 1
            revoking.leases.release(lease)
        return written

    writes = [each for each in at_once(work, 6) if isinstance(each, int)]
    newest = revoking.journal.read(run.id)
    assert len(writes) == 6
    assert newest.revision == run.revision + sum(writes)
    assert newest.warned <= revoking.lease("last").fence


def test_a_plan_that_is_forgotten_is_gone_and_the_others_keep_their_order(revoking: Revoking) -> None:
    first, second, third, fourth = (revoking.planned() for _ in range(4))
    for each in (first, second, second):
        revoking.journal.forget(each)
    fifth = revoking.planned()
    assert revoking.journal.of(ACCOUNT) == (fifth, fourth, third)
    with pytest.raises(NotFound):
        revoking.journal.read(first.id)
    elsewhere = revoking.planned(account=OTHER_ACCOUNT)
    assert revoking.journal.accounts() == {ACCOUNT, OTHER_ACCOUNT}
    revoking.journal.forget(elsewhere)
    assert revoking.journal.accounts() == {ACCOUNT}


def test_what_was_written_to_or_holds_its_account_is_not_forgotten(revoking: Revoking) -> None:
    plan = revoking.planned()
    approved = revoking.journal.amend(replace(plan, approved_by=("somebody",)))
    running = revoking.started()
    for run in (plan, running, replace(running, revision=1)):
        with pytest.raises(RevisionConflict):
            revoking.journal.forget(run)
    assert revoking.journal.of(ACCOUNT) == (running, approved)
    assert revoking.journal.running(ACCOUNT) == running
