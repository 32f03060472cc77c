"""Revocations as JSON: the plan, how far its steps and its consumers are, and what may be done."""

from collections.abc import Mapping
from datetime import datetime

from sas_service.domain.directions import Direction, Obstacle
from sas_service.domain.iso8601 import format_duration, format_instant
from sas_service.domain.offers import Offer
from sas_service.domain.plans import LeverCost, Plan
from sas_service.domain.runs import Revocation, StepRecord
from sas_service.playbooks import PLAYBOOKS
from sas_service.services.watch_revocations import Count, Mover, Seen
from sas_service.steps.waits import WAITS

Document = dict[str, object]


def revocation_document(seen: Seen) -> Document:
    """A revocation as admins and auditors see it; what the service sealed for itself stays inside."""
    run = seen.run
    return {
        "id": run.id,
        "account": run.account,
        "state": run.state.value,
        **plan_document(run.plan),
        "deadline": _instant(run.until),
        "steps": _steps(run),
        "consumers": _count(seen.count),
        "allowedActions": sorted(action.value for action in seen.actions),
        **_waiting(run),
        **_people(run),
        "startedAt": _instant(run.started_at),
        "endedAt": _instant(run.ended_at),
        "preemptedBy": run.preempted_by,
        "excused": sorted(run.excused),
        "casualties": len(run.casualties),
    }


def mover_document(mover: Mover) -> Document:
    """One consumer of a run."""
    return {
        "name": mover.consumer.name,
        "team": mover.consumer.team,
        "application": mover.consumer.application,
        "profile": mover.consumer.profile,
        "moved": mover.moved,
        "since": _instant(mover.since),
        "excused": mover.excused,
        "liveTokens": len(mover.tokens),
        "lastExpiry": format_instant(mover.last_expiry),
    }


def plan_document(plan: Plan) -> Document:
    """What was asked, the levers compared, and what speaks against it."""
    asked = plan.asked
    return {
        "reason": asked.reason.value,
        "target": asked.target.document(),
        "lever": plan.lever.value,
        "mode": asked.mode.value,
        "onDeadline": asked.on_deadline.value,
        "comment": asked.comment,
        "planHash": plan.hash,
        "levers": [_lever(cost) for cost in plan.levers],
        "recommended": plan.recommended,
        "why": plan.why,
        "warnings": list(plan.warnings),
        "offers": [_offer(offer, plan) for offer in plan.offers],
        "obstacles": [_obstacle(each) for each in plan.obstacles],
        "earliestStart": _instant(plan.earliest_start),
        "wouldExpireBy": _instant(plan.would_expire_by),
        "plannedAt": format_instant(plan.made_at),
        "expiresAt": format_instant(plan.expires_at),
    }


def _lever(cost: LeverCost) -> Document:
    return {
        "lever": cost.lever.value,
        "available": cost.exists,
        "intended": cost.radius.intended.document(),
        "collateral": cost.radius.collateral.document(),
        "missed": cost.radius.missed.document(),
        "reversible": cost.reversible,
        "azureWrites": cost.azure_writes,
        "azureCalls": dict(cost.azure_calls),
        "expectedTime": format_duration(cost.expected),
        **_way(cost.direction),
        "obstacles": [_obstacle(each) for each in cost.direction.obstacles],
    }


def _way(way: Direction) -> Document:
    cuts = {"signingKey": way.kill.key.value if way.kill.key else None, "identities": sorted(way.kill.identities)}
    return {"cuts": cuts, "movesTo": {"signingKey": way.new_key.value, "identities": dict(way.identities)}}


def _offer(offer: Offer, plan: Plan) -> Document:
    """A suspension, ready to send."""
    return {
        "method": "PUT",
        "path": f"/v1/suspensions/{offer.kind}/{offer.id}",
        "body": {"reason": f"revocation planned: {plan.asked.reason.value}"},
        "why": "Whoever can ask again is not stopped by a revocation.",
    }


def _obstacle(obstacle: Obstacle) -> Document:
    return {"what": obstacle.what, "waysOut": list(obstacle.ways_out), "until": _instant(obstacle.until)}


def _steps(run: Revocation) -> list[Document]:
    known: Mapping[str, StepRecord] = {record.name: record for record in run.steps}
    return [_step(known.get(step.name, StepRecord(step.name)), step.purpose) for step in PLAYBOOKS[run.plan.lever]]


def _step(record: StepRecord, purpose: str) -> Document:
    return {
        "name": record.name,
        "state": record.state,
        "purpose": purpose,
        "begun": _instant(record.begun),
        "done": _instant(record.done),
        "missing": record.missing or None,
    }


def _count(count: Count) -> Document:
    return {"total": count.total, "moved": count.moved, "late": list(count.late)}


def _waiting(run: Revocation) -> Document:
    code = run.waiting_code
    remedy = next((wait.remedy for wait in WAITS if code and code.partition(":")[0] == wait.code), None)
    return {"waitingFor": run.waiting_for, "waitingCode": code, "remedy": remedy}


def _people(run: Revocation) -> Document:
    return {
        "plannedBy": dict(run.planned_by),
        "approvalsNeeded": run.approvals_needed,
        "approvalsToForce": run.approvals_to_force,
        "approvals": list(run.approved_by),
        "startedBy": dict(run.started_by) if run.started_by else None,
        "forcedBy": run.forced_by,
        "abortedBy": run.aborting,
    }


def _instant(instant: datetime | None) -> str | None:
    return format_instant(instant) if instant else None
