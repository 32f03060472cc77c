"""Run a playbook: observe, act, observe again; a crash anywhere needs no other code than the next tick."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from sas_service.domain.audit import EventKind
from sas_service.domain.errors import AuditLogUnavailable, LeaseLost, MirrorUnavailable, RevisionConflict
from sas_service.domain.revocations import Lever, State
from sas_service.domain.runs import StepRecord
from sas_service.playbooks import PLAYBOOKS
from sas_service.ports import Lease, Leases
from sas_service.steps.run import Run, World
from sas_service.steps.step import Seen, Step
from sas_service.steps.troubles import AZURE_TROUBLES, TOO_SLOW, bug, trouble
from sas_service.steps.waits import TOO_LONG

_MOVES_ON = frozenset({State.RUNNING, State.WAITING})


class PlaybookRunner:
    """One of any number of runners; the lease decides who acts, the world what is left to do."""

    def __init__(
        self, world: World, leases: Leases, *, holder: str, playbooks: Mapping[Lever, tuple[Step, ...]] = PLAYBOOKS
    ) -> None:
        self._world = world
        self._leases = leases
        self._holder = holder
        self._playbooks = playbooks

    def tick(self, account: str) -> None:
        """Bring the account's run as far as it goes now. Raises AuditLogUnavailable, MirrorUnavailable.

        A bug is raised too, after it was noted at the run: a person is called, and it goes on by itself once mended.
        """
        entry = self._world.journal.running(account)
        if entry is None or entry.state not in _MOVES_ON:
            return
        # A lockdown holds the account, and ends the run.
        if self._world.lockdowns.current(account) is not None:
            return
        lease = self._take(account)
        if lease is None:
            return
        # Read again: what was read before the lease may be somebody else's past.
        if self._world.lockdowns.current(account) is not None:
            self._leases.release(lease)
            return
        entry = self._world.journal.read(entry.id)
        if entry.state not in _MOVES_ON:
            return
        self._go_on(Run(self._world, lease, entry, renewal=partial(self._take, account)))

    def _go_on(self, run: Run) -> None:
        try:
            self.advance(run)
        except RevisionConflict:
            return  # a person decided: the next tick sees what is true then
        except LeaseLost:
            self._say_too_slow(run)
        except (AuditLogUnavailable, MirrorUnavailable):
            raise  # nothing can be put on record
        except Exception as error:
            _note(run, Seen(missing=bug(error), human=TOO_LONG))
            raise

    def _take(self, account: str) -> Lease | None:
        now = self._world.clock.now()
        return self._leases.take(account, self._holder, until=now + self._world.pace.lease, now=now)

    def _say_too_slow(self, run: Run) -> None:
        """Note that nothing can be sent within the lease, unless somebody else has the account now, or has had it."""
        lease = self._take(run.entry.account)
        if lease is None or run.entry.step is None:
            return
        run.lease = lease
        try:
            _note(run, Seen(missing=TOO_SLOW, human=TOO_LONG if _is_late(run, run.entry.step) else None))
        except (RevisionConflict, LeaseLost):
            return  # somebody else has had it meanwhile

    def advance(self, run: Run) -> None:
        """Walk on until something has to be waited for."""
        playbook = self._playbooks[run.entry.plan.lever]
        steps = {step.name: step for step in playbook}
        while not _is_aborting(run):
            record = run.entry.step
            if record is None:
                _end(run, State.COMPLETED)
                return
            if record.begun is None:
                record = replace(record, begun=run.now)
                run.save(run.entry.with_step(record))
            seen = look_and_act(run, steps[record.name])
            if seen.done:
                _finish(run, record.name, seen)
            elif not _is_aborting(run):
                _note(run, _in_time(run, steps[record.name], record, seen))
                return
        _walk_back(run, playbook)


def _is_aborting(run: Run) -> bool:
    """Tell whether to walk back; a step may decide so, when a deadline has passed."""
    return run.entry.aborting is not None


def look_and_act(run: Run, step: Step) -> Seen:
    """Look; if the step is not done, act once and look again. Azure's troubles are something to wait for."""
    try:
        run.look_again()
        seen = step.done(run)
        # A streak is being counted: there is nothing to do but to look again, at the next tick.
        if seen.done or seen.human or step.do is None or seen.streak is not None:
            return seen
        run.look_again()
        return step.do(run) or step.done(run)
    except AZURE_TROUBLES as error:
        return trouble(error)


def _in_time(run: Run, step: Step, record: StepRecord, seen: Seen) -> Seen:
    """Call a person for a step that takes too long; it is tried on meanwhile."""
    is_late = step.bounded and _is_late(run, record)
    return replace(seen, human=TOO_LONG) if is_late and not seen.human else seen


def _is_late(run: Run, record: StepRecord) -> bool:
    return record.begun is not None and run.now - record.begun > run.pace.proof_limit


def _finish(run: Run, name: str, seen: Seen) -> None:
    record = next(each for each in run.entry.steps if each.name == name)
    done = replace(
        record,
        done=run.now,
        missing="",
        streak=seen.streak or record.streak,
        evidence={**record.evidence, **seen.evidence},
    )
    cuts = (*run.entry.cuts, *(cut for cut in seen.cuts if cut.name not in {each.name for each in run.entry.cuts}))
    run.event(EventKind.REVOCATION_STEP, step=name, evidence=dict(seen.evidence))
    resumed = replace(run.entry, state=State.RUNNING, waiting_for=None, waiting_code=None, cuts=cuts)
    run.save(resumed.with_step(done))


def _note(run: Run, seen: Seen) -> None:
    """Remember what is missing, if that is news; what only a person can help with is said aloud."""
    record = run.entry.step
    # Without a step all is done but the end itself, which something unexpected keeps from being written.
    noted = run.entry.with_step(_noted(record, seen)) if record else run.entry
    state = State.WAITING if seen.human else State.RUNNING
    waiting_for, code = (seen.missing, seen.human) if seen.human else (None, None)
    before = (run.entry.state, run.entry.waiting_code, run.entry)
    if before == (state, code, noted) and not run.has_probed:
        return
    if seen.human and seen.human != run.entry.waiting_code:
        name = record.name if record else None
        run.event(EventKind.REVOCATION_WAITS, step=name, waitingFor=seen.missing, code=seen.human)
    run.save(replace(noted, state=state, waiting_for=waiting_for, waiting_code=code))


def _noted(record: StepRecord, seen: Seen) -> StepRecord:
    streak = record.streak if seen.streak is None else seen.streak
    return replace(record, missing=seen.missing, streak=streak, evidence={**record.evidence, **seen.evidence})


def _walk_back(run: Run, steps: tuple[Step, ...]) -> None:
    """Undo what was begun, the newest first; steps without ``undo`` leave nothing behind."""
    begun = {record.name for record in run.entry.steps if record.begun}
    for step in reversed(steps):
        if step.undo is None or step.name not in begun:
            continue
        run.look_again()
        try:
            seen = step.undo(run)
        except AZURE_TROUBLES as error:
            seen = trouble(error)
        if not seen.done:
            _note(run, seen)
            return
    _end(run, State.ABORTED)


def _end(run: Run, state: State) -> None:
    """Close the run: the canaries' secrets go, the record stays."""
    evidence = {record.name: dict(record.evidence) for record in run.entry.steps}
    # With the slots: an abort may have switched back, and no step says so.
    slots = run.world.slots.read(run.entry.account)
    run.event(EventKind.REVOCATION_ENDED, state=state.value, evidence=evidence, slots=slots.document())
    ended = replace(run.entry, state=state, ended_at=run.now, canaries={}, waiting_for=None, waiting_code=None)
    run.save(ended)
