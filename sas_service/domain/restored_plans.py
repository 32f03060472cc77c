"""The little that is known of a run whose plan is nowhere: who asked for what, and nothing of the way it went."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sas_service.domain.blast_radius import BlastRadius, Kill, Radius
from sas_service.domain.directions import Direction
from sas_service.domain.iso8601 import parse_instant
from sas_service.domain.plans import Asked, LeverCost, Plan
from sas_service.domain.revocations import Lever, Mode, OnDeadline, Reason, State, Target
from sas_service.domain.runs import Revocation
from sas_service.domain.slots import SigningKey

REPAIR = "audit repair"
"""Who gives such a run up: it can only be ended."""


def bare_run(name: str, account: str, planned: Mapping[str, Any], at: datetime, state: State) -> Revocation:
    """Return the run that ``planned``, the event of its plan (or nothing), tells of; it has no steps to go."""
    asked, lever = _asked(account, planned), Lever(planned.get("lever", Lever.BOTH))
    nothing = BlastRadius(Radius(), Radius(), Radius())
    plan = Plan(
        account=account,
        asked=asked,
        lever=lever,
        levers=(LeverCost(lever, Direction(Kill(), SigningKey.PRIMARY, {}, {}), nothing, azure_writes=0),),
        recommended=lever.value,
        why="restored from events, which do not hold the plan",
        warnings=(),
        obstacles=(),
        epoch=0,
        made_at=at,
        expires_at=at,
        hash=planned.get("planHash", ""),
    )
    by, aborting = planned.get("caller") or {}, REPAIR if state is State.PAUSED else None
    return Revocation(name, account, state, plan, planned_by=by, started_at=at, aborting=aborting)


def _asked(account: str, planned: Mapping[str, Any]) -> Asked:
    deadline = planned.get("deadline")
    return Asked(
        reason=Reason(planned.get("reason", Reason.KEY_COMPROMISE)),
        target=Target.of(planned.get("target", {"account": account})),
        mode=Mode(planned.get("mode", Mode.GRACEFUL)),
        deadline=parse_instant(deadline) if deadline else None,
        on_deadline=OnDeadline(planned.get("onDeadline", OnDeadline.HOLD)),
        comment=planned.get("comment"),
        within=planned.get("within"),
    )
