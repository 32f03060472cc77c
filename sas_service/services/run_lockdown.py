"""Drive lockdowns: look, act, look again; level-triggered, so a crash anywhere needs nothing but the next tick."""

from dataclasses import replace
from functools import partial

from sas_service.domain.audit import EventKind
from sas_service.domain.errors import AuditLogUnavailable, LeaseLost, MirrorUnavailable, RevisionConflict
from sas_service.domain.lockdowns import LockdownState
from sas_service.domain.runs import StepRecord
from sas_service.playbooks import LOCKING, RELEASING
from sas_service.ports import Lease, Leases
from sas_service.steps import locking
from sas_service.steps.locking import Lock, LockStep
from sas_service.steps.run import World
from sas_service.steps.step import Seen
from sas_service.steps.troubles import AZURE_TROUBLES, TOO_SLOW, bug, trouble


class LockdownRunner:
    """One of any number; holds an account by the same lease as a revocation's runner."""

    def __init__(self, world: World, leases: Leases, *, holder: str) -> None:
        self._world = world
        self._leases = leases
        self._holder = holder

    def tick(self, account: str) -> None:
        """Bring the account's lockdown as far as it goes now. Raises AuditLogUnavailable, MirrorUnavailable.

        A bug is raised too, after it was noted at the lockdown.
        """
        if self._world.lockdowns.current(account) is None:
            return
        lease = self._take(account)
        if lease is None:
            return
        # Read again: what was read before the lease may be somebody else's past.
        entry = self._world.lockdowns.current(account)
        if entry is None:
            return
        self._go_on(Lock(self._world, lease, entry, renewal=partial(self._take, account)))

    def _go_on(self, lock: Lock) -> None:
        try:
            advance(lock)
        except RevisionConflict:
            return  # a person decided: the next tick sees what is true then
        except LeaseLost:
            self._say_too_slow(lock)
            return
        except (AuditLogUnavailable, MirrorUnavailable):
            raise  # nothing can be put on record
        except Exception as error:
            _note(lock, _at(lock), Seen(missing=bug(error)))
            raise
        if lock.entry.is_over:
            # A run that was held up may go on at once.
            self._leases.release(lock.lease)

    def _take(self, account: str) -> Lease | None:
        now = self._world.clock.now()
        return self._leases.take(account, self._holder, until=now + self._world.pace.lease, now=now)

    def _say_too_slow(self, lock: Lock) -> None:
        """Note that nothing can be sent within the lease, unless somebody else has the account now, or has had it."""
        lease = self._take(lock.entry.account)
        if lease is None:
            return
        lock.lease = lease
        try:
            _note(lock, _at(lock), Seen(missing=TOO_SLOW))
        except (RevisionConflict, LeaseLost):
            return  # somebody else has had it meanwhile


def advance(lock: Lock) -> None:
    """Walk on until something has to be waited for; a locked account is watched."""
    if lock.entry.state is LockdownState.RELEASING:
        _walk(lock, RELEASING)
    elif lock.entry.state is LockdownState.LOCKED:
        _note(lock, "", _look(lock, LockStep("watch", "", locking.watch)))
    elif _walk_watched(lock):
        lock.save(replace(lock.entry, state=LockdownState.LOCKED, missing=""))


def _walk_watched(lock: Lock) -> bool:
    """Once local authentication is off it has to stay off, also while the keys are being made anew."""
    if lock.entry.record(locking.DISABLE).done:
        _look(lock, LockStep("watch", "", locking.watch))
    return _walk(lock, LOCKING)


def _walk(lock: Lock, steps: tuple[LockStep, ...]) -> bool:
    for step in steps:
        record = lock.entry.record(step.name)
        if record.done:
            continue
        if record.begun is None:
            lock.save(lock.entry.with_step(replace(record, begun=lock.now)))
        seen = _look(lock, step)
        if not seen.done:
            _note(lock, step.name, seen)
            return False
        _finish(lock, step.name, seen)
    return True


def _look(lock: Lock, step: LockStep) -> Seen:
    """Look; if the step is not done, act once and look again. Azure's troubles are something to wait for."""
    try:
        seen = step.done(lock)
        if seen.done or step.do is None or seen.streak is not None:
            return seen
        return step.do(lock) or step.done(lock)
    except AZURE_TROUBLES as error:
        return trouble(error)


def _at(lock: Lock) -> str:
    """Return the step that a lockdown is at, nothing where it only watches."""
    return lock.entry.step.name if lock.entry.step else ""


def _finish(lock: Lock, name: str, seen: Seen) -> None:
    if lock.entry.is_over:
        return
    slots = lock.world.slots.read(lock.entry.account)
    lock.event(EventKind.LOCKDOWN_STEP, step=name, evidence=dict(seen.evidence), slots=slots.document())
    record = lock.entry.record(name)
    done = replace(record, done=lock.now, missing="", streak=seen.streak or record.streak, evidence=dict(seen.evidence))
    lock.save(replace(lock.entry.with_step(done), cuts=lock.entry.cuts or seen.cuts, missing=""))


def _note(lock: Lock, name: str, seen: Seen) -> None:
    """Remember what is missing, if that is news."""
    missing = "" if seen.done else seen.missing
    noted = replace(lock.entry, missing=missing)
    if name:
        record: StepRecord = lock.entry.record(name)
        noted = noted.with_step(replace(record, missing=missing, streak=seen.streak or record.streak))
    if noted != lock.entry:
        lock.save(noted)
