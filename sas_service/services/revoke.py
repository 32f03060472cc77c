"""What people do to a revocation: plan, approve, start, pause, resume, extend, excuse, commit, abort."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from sas_service.domain.audit import EventDraft, EventKind
from sas_service.domain.callers import Caller
from sas_service.domain.consumers import Progress
from sas_service.domain.errors import (
    AccountLocked,
    ActionNotAllowed,
    NotFound,
    PlanBlocked,
    ReplanRequired,
    RevisionConflict,
    RunInProgress,
)
from sas_service.domain.iso8601 import format_instant
from sas_service.domain.plans import Asked, Plan, collateral_growth, is_same_way
from sas_service.domain.revocations import FORCING, Action, Mode, OnDeadline, State
from sas_service.domain.run_documents import run_document
from sas_service.domain.runs import Revocation, StepRecord, allowed_actions, is_open, resumed, state_at
from sas_service.playbooks import PLAYBOOKS
from sas_service.ports import Lease
from sas_service.services.forget_plans import forget_plans
from sas_service.services.plan_revocation import Planning
from sas_service.steps import casualties
from sas_service.steps.run import Run, World

_TRIES = 5
"""How often a decision is written anew because somebody else has written meanwhile."""


@dataclass(frozen=True, slots=True)
class Decider:
    """Who decides, and by which request."""

    caller: Caller
    request_id: str | None


class Revoking:
    """Every decision of a person, on record before it takes effect; the runner acts on it later."""

    def __init__(self, world: World, planning: Planning) -> None:
        self._world = world
        self._planning = planning

    def plan(self, asked: Asked, caller: Caller, *, request_id: str | None = None) -> Revocation:
        """Make a plan and remember it; nothing else changes."""
        plan = self._planning.plan(asked)
        approvals = self._world.policies.current().approvals
        is_forcing = asked.mode is Mode.EMERGENCY or asked.on_deadline is OnDeadline.PROCEED
        run = Revocation(
            id=self._world.new_id(),
            account=plan.account,
            state=State.BLOCKED if plan.obstacles else State.PLANNED,
            plan=plan,
            planned_by=caller.document(),
            approvals_needed=approvals.of(is_emergency=is_forcing),
            # To cut under applications that have not moved, under all or under one, is an emergency by another name.
            approvals_to_force=approvals.of(is_emergency=True),
            deadline=asked.deadline,
        )
        details = {"planHash": plan.hash, "lever": plan.lever.value, **asked.document()}
        self._record(run, EventKind.REVOCATION_PLANNED, Decider(caller, request_id), **details)
        forget_plans(self._world.journal, run.account, self._world.clock.now())
        return self._world.journal.add(run)

    def read(self, run_id: str) -> Revocation:
        """Return it with its state at this moment."""
        run = self._world.journal.read(run_id)
        return replace(run, state=state_at(run, self._world.clock.now()))

    def consumers(self, run_id: str) -> Progress:
        """Return who has moved and who has not."""
        run = self._world.journal.read(run_id)
        nobody = Lease(run.account, "reader", 0, self._world.clock.now())
        return casualties.progress(Run(self._world, nobody, run))

    def approve(self, run_id: str, caller: Caller, *, plan_hash: str, request_id: str | None = None) -> Revocation:
        """Be the second pair of eyes; the planner cannot be, and nobody is twice.

        Of a plan, so that it may be started; of a run, so that somebody may be left behind.
        """
        run = self._legal(run_id, Action.APPROVE, plan_hash)
        if caller.object_id == run.planned_by["objectId"] or caller.object_id in run.approved_by:
            raise self._not_allowed("Somebody else must approve: who planned cannot, and nobody can twice.", run)

        def approved(now: Revocation) -> Revocation:
            return replace(now, approved_by=tuple(dict.fromkeys((*now.approved_by, caller.object_id))))

        return self._decide(run, Action.APPROVE, Decider(caller, request_id), approved)

    def start(self, run_id: str, caller: Caller, *, plan_hash: str, request_id: str | None = None) -> Revocation:
        """Count again, and begin if the plan still says what is true; adopts a less urgent run before its first cut.

        Raises ActionNotAllowed, RevisionConflict (another plan), PlanBlocked, ReplanRequired, RunInProgress,
        AccountLocked.
        """
        run = self.read(run_id)
        self._same_plan(run, plan_hash)
        adopted = self._adopted(run) if run.state in {State.PLANNED, State.BLOCKED} else None
        if run.state is State.BLOCKED:
            raise _blocked(run.plan)
        run = self._legal(run_id, Action.START, plan_hash)
        if self._world.lockdowns.current(run.account) is not None:
            raise AccountLocked("The account is locked down; its release comes first.")
        self._still_true(run.plan)
        started = self._started(run, caller)
        who, adopts = Decider(caller, request_id), adopted.id if adopted else None
        # The whole entry: the journal may be lost with Redis, and is restored from events (domain/restored_runs.py).
        entry = run_document(started)
        self._record(run, EventKind.REVOCATION_DECIDED, who, action="start", adopts=adopts, entry=entry)
        return self._world.journal.start(started, instead_of=adopted)

    def pause(
        self, run_id: str, caller: Caller, *, plan_hash: str | None = None, request_id: str | None = None
    ) -> Revocation:
        """Hold everything; what was sent is not called back."""
        run = self._legal(run_id, Action.PAUSE, plan_hash)
        who = Decider(caller, request_id)
        # What it waited for is looked at again after the pause: to go on is not to accept it.
        return self._decide(
            run, Action.PAUSE, who, lambda r: replace(r, state=State.PAUSED, waiting_for=None, waiting_code=None)
        )

    def resume(
        self, run_id: str, caller: Caller, *, plan_hash: str | None = None, request_id: str | None = None
    ) -> Revocation:
        """Go on; what the run waited for is looked at, and accepted where a person may accept it."""
        run = self._legal(run_id, Action.RESUME, plan_hash)
        now, who = self._world.clock.now(), Decider(caller, request_id)
        return self._decide(run, Action.RESUME, who, lambda r: resumed(r, now), waitedFor=run.waiting_code)

    def extend(
        self,
        run_id: str,
        caller: Caller,
        *,
        deadline: datetime,
        plan_hash: str | None = None,
        request_id: str | None = None,
    ) -> Revocation:
        """Give the late more time."""
        run = self._legal(run_id, Action.EXTEND, plan_hash)
        if deadline <= self._world.clock.now() or (run.until and deadline <= run.until):
            raise self._not_allowed("A deadline is only ever moved to later.", run)
        who, until = Decider(caller, request_id), format_instant(deadline)
        return self._decide(run, Action.EXTEND, who, lambda r: replace(r, deadline=deadline, warned=0), deadline=until)

    def excuse(
        self, run_id: str, caller: Caller, *, consumer: str, plan_hash: str | None = None, request_id: str | None = None
    ) -> Revocation:
        """Leave one consumer behind, by name."""
        run = self._forcible(run_id, Action.EXCUSE, plan_hash, caller)
        if consumer not in self.consumers(run_id).names:
            raise NotFound("No consumer of this name is late.")
        who = Decider(caller, request_id)
        return self._decide(
            run, Action.EXCUSE, who, lambda r: replace(r, excused=r.excused | {consumer}), consumer=consumer
        )

    def commit(
        self, run_id: str, caller: Caller, *, plan_hash: str | None = None, request_id: str | None = None
    ) -> Revocation:
        """Cut although somebody has not moved; the casualty list goes on record first."""
        run = self._forcible(run_id, Action.COMMIT, plan_hash, caller)
        who = Decider(caller, request_id)
        return self._decide(run, Action.COMMIT, who, lambda r: replace(r, forced_by=caller.object_id))

    def abort(
        self, run_id: str, caller: Caller, *, plan_hash: str | None = None, request_id: str | None = None
    ) -> Revocation:
        """Give up and walk back; refused after the first cut."""
        run = self._legal(run_id, Action.ABORT, plan_hash)
        now, who = self._world.clock.now(), Decider(caller, request_id)
        if is_open(run):
            return self._decide(
                run, Action.ABORT, who, lambda r: replace(r, aborting=caller.object_id, state=State.RUNNING)
            )
        return self._decide(run, Action.ABORT, who, lambda r: replace(r, state=State.ABORTED, ended_at=now))

    def _forcible(self, run_id: str, action: Action, plan_hash: str | None, caller: Caller) -> Revocation:
        """Return a run in which ``caller`` may take tokens from who has not moved: others have approved of that."""
        run = self._legal(run_id, action, plan_hash)
        if len(set(run.approved_by) - {caller.object_id}) < run.approvals_to_force:
            raise self._not_allowed(f"Who approved cannot {action} as well: {_needs(run)}.", run)
        return run

    def _legal(self, run_id: str, action: Action, plan_hash: str | None) -> Revocation:
        run = self._world.journal.read(run_id)
        if plan_hash is not None:
            self._same_plan(run, plan_hash)
        if action not in allowed_actions(run, self._world.clock.now()):
            state = state_at(run, self._world.clock.now())
            lacking = action in FORCING and len(run.approved_by) < run.approvals_to_force
            why = f": {_needs(run)}" if lacking else ""
            raise self._not_allowed(f"A {state} revocation does not allow {action} here{why}.", run)
        return run

    def _not_allowed(self, why: str, run: Revocation) -> ActionNotAllowed:
        names = sorted(allowed_actions(run, self._world.clock.now()))
        return ActionNotAllowed(why, allowedActions=",".join(names))

    def _same_plan(self, run: Revocation, plan_hash: str) -> None:
        if run.plan.hash != plan_hash:
            raise RevisionConflict("The hash is not that of this plan.")

    def _still_true(self, planned: Plan) -> None:
        deadline = planned.asked.instant
        if deadline and deadline <= self._world.clock.now():
            told = format_instant(deadline)
            raise ReplanRequired(f"The deadline, {told}, has passed since the plan: nobody would have time to move.")
        now = self._planning.plan(replace(planned.asked, lever=planned.lever))
        if now.obstacles:
            raise _blocked(now)
        grown = collateral_growth(planned, now)
        if grown or not is_same_way(planned, now):
            who = ", ".join(f"{team}/{profile}" for team, profile in grown) or "the way it would go"
            raise ReplanRequired(f"More has changed since the plan than the admin has seen: {who}.")

    def _adopted(self, run: Revocation) -> Revocation | None:
        current = self._world.journal.running(run.account)
        if current is None:
            return None
        is_more_urgent = run.plan.asked.mode.urgency > current.plan.asked.mode.urgency
        if current.has_cut or not is_more_urgent:
            raise RunInProgress("The account has a run already.", running=current.id)
        now = self._world.clock.now()
        return replace(current, state=State.ABORTED, preempted_by=run.id, ended_at=now, canaries={})

    def _started(self, run: Revocation, caller: Caller) -> Revocation:
        situation = self._planning.situation(run.account)
        now = self._world.clock.now()
        # A graceful run ends by itself; an expedited one must not wait for ever without anybody hearing of it.
        time = run.plan.asked.time_to_move(self._world.pace.deadline)
        return replace(
            run,
            state=State.RUNNING,
            started_by=caller.document(),
            started_at=now,
            deadline=run.deadline if time is None else now + time,
            within=0 if time is None else int(time.total_seconds()),
            steps=tuple(StepRecord(step.name) for step in PLAYBOOKS[run.plan.lever]),
            principals=dict(situation.azure.principals),
            before=situation.slots,
            # Whoever starts an emergency answers for its casualties by name.
            forced_by=caller.object_id if run.plan.asked.mode is Mode.EMERGENCY else None,
        )

    def _decide(
        self,
        run: Revocation,
        action: Action,
        who: Decider,
        change: Callable[[Revocation], Revocation],
        **details: object,
    ) -> Revocation:
        self._record(run, EventKind.REVOCATION_DECIDED, who, action=action.value, **details)
        for _ in range(_TRIES):
            try:
                return self._world.journal.amend(change(run))
            except RevisionConflict:
                # Mostly the runner, which writes at every tick: a person who says stop must not be told to ask again.
                run = self._legal(run.id, action, None)
        raise RevisionConflict("The revocation is being written to all the time.")

    def _record(self, run: Revocation, kind: EventKind, who: Decider, **details: object) -> None:
        draft = EventDraft(
            kind=kind,
            at=self._world.clock.now(),
            account=run.account,
            caller=who.caller.document(),
            request_id=who.request_id,
            details={"revocation": run.id, **{name: value for name, value in details.items() if value is not None}},
        )
        self._world.mirror.append(self._world.audit_log.append(draft))


def _needs(run: Revocation) -> str:
    return f"leaving behind who has not moved needs {run.approvals_to_force} approvals by others"


def _blocked(plan: Plan) -> PlanBlocked:
    told = "; ".join(f"{each.what} (ways out: {', '.join(each.ways_out)})" for each in plan.obstacles)
    retry_after = plan.earliest_start - plan.made_at if plan.earliest_start else None
    blocked = PlanBlocked(f"The plan is blocked: {told}.", retry_after=retry_after)
    if plan.earliest_start:
        blocked.extra["earliestStart"] = format_instant(plan.earliest_start)
    return blocked
