"""What people do to a revocation: plan, approve, start, pause, resume, extend, excuse, commit, abort."""

from collections.abc import Callable
from dataclasses import replace
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
from sas_service.domain.plans import Asked, Plan, collateral_growth, is_same_way
from sas_service.domain.revocations import Action, Mode, State
from sas_service.domain.runs import Revocation, StepRecord, allowed_actions, is_open, state_at
from sas_service.playbooks import PLAYBOOKS
from sas_service.ports import Lease
from sas_service.services.plan_revocation import Planning
from sas_service.steps import casualties
from sas_service.steps.run import Run, World


class Revoking:
    """Every decision of a person, on record before it takes effect; the runner acts on it later."""

    def __init__(self, world: World, planning: Planning) -> None:
        self._world = world
        self._planning = planning

    def plan(self, asked: Asked, caller: Caller) -> Revocation:
        """Make a plan and remember it; nothing else changes."""
        plan = self._planning.plan(asked)
        run = Revocation(
            id=self._world.new_id(),
            account=plan.account,
            state=State.BLOCKED if plan.obstacles else State.PLANNED,
            plan=plan,
            planned_by=caller.document(),
            approvals_needed=self._world.policies.current().approvals.of(is_emergency=asked.mode is Mode.EMERGENCY),
            deadline=asked.deadline,
        )
        self._record(run, EventKind.REVOCATION_PLANNED, caller, planHash=plan.hash, lever=plan.lever.value)
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

    def approve(self, run_id: str, caller: Caller, *, plan_hash: str) -> Revocation:
        """Be the second pair of eyes; the planner cannot be."""
        run = self._legal(run_id, Action.APPROVE)
        self._same_plan(run, plan_hash)
        if caller.object_id == run.planned_by["objectId"] or caller.object_id in run.approved_by:
            raise ActionNotAllowed("Somebody else must approve.", allowedActions="")
        return self._decide(
            run, Action.APPROVE, caller, lambda r: replace(r, approved_by=(*r.approved_by, caller.object_id))
        )

    def start(self, run_id: str, caller: Caller, *, plan_hash: str) -> Revocation:
        """Count again, and begin if the plan still says what is true; adopts a less urgent run before its first cut.

        Raises ActionNotAllowed, RevisionConflict (another plan), PlanBlocked, ReplanRequired, RunInProgress,
        AccountLocked.
        """
        run = self.read(run_id)
        self._same_plan(run, plan_hash)
        adopted = self._adopted(run) if run.state in {State.PLANNED, State.BLOCKED} else None
        if run.state is State.BLOCKED:
            raise _blocked(run.plan)
        run = self._legal(run_id, Action.START)
        if self._world.lockdowns.current(run.account) is not None:
            raise AccountLocked("The account is locked down; its release comes first.")
        self._still_true(run.plan)
        started = self._started(run, caller)
        self._record(run, EventKind.REVOCATION_DECIDED, caller, action="start", adopts=adopted.id if adopted else None)
        return self._world.journal.start(started, instead_of=adopted)

    def pause(self, run_id: str, caller: Caller) -> Revocation:
        """Hold everything; what was sent is not called back."""
        run = self._legal(run_id, Action.PAUSE)
        return self._decide(run, Action.PAUSE, caller, lambda r: replace(r, state=State.PAUSED))

    def resume(self, run_id: str, caller: Caller) -> Revocation:
        """Go on; what the run waited for is looked at, and accepted where a person may accept it."""
        run = self._legal(run_id, Action.RESUME)
        return self._decide(run, Action.RESUME, caller, lambda r: _resumed(r, self._world.clock.now()))

    def extend(self, run_id: str, caller: Caller, *, deadline: datetime) -> Revocation:
        """Give the late more time."""
        run = self._legal(run_id, Action.EXTEND)
        if deadline <= self._world.clock.now() or (run.deadline and deadline <= run.deadline):
            raise ActionNotAllowed("A deadline is only ever moved to later.", allowedActions="extend")
        return self._decide(run, Action.EXTEND, caller, lambda r: replace(r, deadline=deadline, warned=0))

    def excuse(self, run_id: str, caller: Caller, *, consumer: str) -> Revocation:
        """Leave one consumer behind, by name."""
        run = self._legal(run_id, Action.EXCUSE)
        if consumer not in self.consumers(run_id).names:
            raise NotFound("No consumer of this name is late.")
        return self._decide(
            run, Action.EXCUSE, caller, lambda r: replace(r, excused=r.excused | {consumer}), consumer=consumer
        )

    def commit(self, run_id: str, caller: Caller) -> Revocation:
        """Cut although somebody has not moved; the casualty list goes on record first."""
        run = self._legal(run_id, Action.COMMIT)
        return self._decide(run, Action.COMMIT, caller, lambda r: replace(r, forced_by=caller.object_id))

    def abort(self, run_id: str, caller: Caller) -> Revocation:
        """Give up and walk back; refused after the first cut."""
        run = self._legal(run_id, Action.ABORT)
        now = self._world.clock.now()
        if is_open(run):
            return self._decide(
                run, Action.ABORT, caller, lambda r: replace(r, aborting=caller.object_id, state=State.RUNNING)
            )
        return self._decide(run, Action.ABORT, caller, lambda r: replace(r, state=State.ABORTED, ended_at=now))

    def _legal(self, run_id: str, action: Action) -> Revocation:
        run = self._world.journal.read(run_id)
        allowed = allowed_actions(run, self._world.clock.now())
        if action not in allowed:
            names = ",".join(sorted(allowed))
            raise ActionNotAllowed(f"A {run.state} revocation does not allow {action} here.", allowedActions=names)
        return run

    def _same_plan(self, run: Revocation, plan_hash: str) -> None:
        if run.plan.hash != plan_hash:
            raise RevisionConflict("The hash is not that of this plan.")

    def _still_true(self, planned: Plan) -> None:
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
        latest = now + self._world.pace.deadline if run.plan.asked.mode is Mode.EXPEDITED else None
        return replace(
            run,
            state=State.RUNNING,
            started_by=caller.document(),
            started_at=now,
            deadline=run.deadline or latest,
            steps=tuple(StepRecord(step.name) for step in PLAYBOOKS[run.plan.lever]),
            principals=dict(situation.azure.principals),
            before=situation.slots,
        )

    def _decide(
        self,
        run: Revocation,
        action: Action,
        caller: Caller,
        change: Callable[[Revocation], Revocation],
        **details: object,
    ) -> Revocation:
        self._record(run, EventKind.REVOCATION_DECIDED, caller, action=action.value, **details)
        return self._world.journal.amend(change(run))

    def _record(self, run: Revocation, kind: EventKind, caller: Caller, **details: object) -> None:
        draft = EventDraft(
            kind=kind,
            at=self._world.clock.now(),
            account=run.account,
            caller=caller.document(),
            details={"revocation": run.id, **details},
        )
        self._world.mirror.append(self._world.audit_log.append(draft))


def _resumed(run: Revocation, now: datetime) -> Revocation:
    accepted = run.accepted | ({run.waiting_code} if run.waiting_code else set())
    resumed = replace(run, state=State.RUNNING, accepted=accepted, waiting_for=None, waiting_code=None)
    # What took too long gets its whole time again.
    return resumed.with_step(replace(run.step, begun=now)) if run.step and run.step.begun else resumed


def _blocked(plan: Plan) -> PlanBlocked:
    told = "; ".join(f"{each.what} (ways out: {', '.join(each.ways_out)})" for each in plan.obstacles)
    retry_after = plan.earliest_start - plan.made_at if plan.earliest_start else None
    return PlanBlocked(f"The plan is blocked: {told}.", retry_after=retry_after)
