"""The plan of a revocation: levers compared, one recommended with a reason, warnings, and what blocks it."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from sas_service.domain.blast_radius import BlastRadius, blast_radius
from sas_service.domain.consumers import stopped
from sas_service.domain.directions import Direction, Obstacle, direction
from sas_service.domain.expectations import expected_time, moving_time, standby_time
from sas_service.domain.iso8601 import format_instant
from sas_service.domain.offers import Offer, offers
from sas_service.domain.plan_warnings import too_little_time, warnings
from sas_service.domain.revocations import Lever, Mode, OnDeadline, Reason, Target
from sas_service.domain.situations import Situation
from sas_service.domain.tokens import TokenRecord

WAIT = "wait"
"""Recommended where nothing needs to be pulled: everything that is meant expires soon by itself."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the admin asked for; ``lever`` None is the document's order, ``both`` (docs/decisions/revocation.md).

    ``within`` are the seconds that consumers of an expedited run have from the switch on, where the deadline was asked
    as a time; ``deadline`` is then when they would be over if it switched at once.
    """

    reason: Reason
    target: Target
    mode: Mode
    lever: Lever | None = None
    deadline: datetime | None = None
    on_deadline: OnDeadline = OnDeadline.HOLD
    comment: str | None = None
    within: int | None = None

    @property
    def instant(self) -> datetime | None:
        """Until when consumers who are told may take, where that was asked as an instant: it does not move."""
        return self.deadline if self.mode is Mode.EXPEDITED and self.within is None else None

    def time_to_move(self, otherwise: timedelta) -> timedelta | None:
        """Return how long consumers who are told have from the switch on, ``otherwise`` if nothing was asked."""
        if self.mode is not Mode.EXPEDITED or self.instant:
            return None
        return otherwise if self.within is None else timedelta(seconds=self.within)

    def document(self) -> dict[str, object]:
        """Write the question as JSON, without the lever: which one is meant stands in the plan."""
        return {
            "reason": self.reason.value,
            "target": self.target.document(),
            "mode": self.mode.value,
            "deadline": format_instant(self.deadline) if self.deadline else None,
            "within": self.within,
            "onDeadline": self.on_deadline.value,
            "comment": self.comment,
        }


@dataclass(frozen=True, slots=True)
class LeverCost:
    """What pulling one lever would do; ``azure_calls`` says which calls are meant by ``azure_writes``, and how many."""

    lever: Lever
    direction: Direction
    radius: BlastRadius
    azure_writes: int
    azure_calls: Mapping[str, int] = field(default_factory=dict)
    expected_seconds: int = 0

    @property
    def exists(self) -> bool:
        """Whether it could be pulled now."""
        return not self.direction.obstacles

    @property
    def expected(self) -> timedelta:
        """How long it would take."""
        return timedelta(seconds=self.expected_seconds)

    @property
    def reversible(self) -> bool:
        """Whether it can be undone: a role can be given back, a key cannot."""
        return not self.lever.cuts_key


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan changes nothing; ``hash`` names what was counted, and starting names the hash."""

    account: str
    asked: Asked
    lever: Lever
    levers: tuple[LeverCost, ...]
    recommended: str
    why: str
    warnings: tuple[str, ...]
    obstacles: tuple[Obstacle, ...]
    epoch: int
    made_at: datetime
    expires_at: datetime
    hash: str
    offers: tuple[Offer, ...] = ()

    @property
    def chosen(self) -> LeverCost:
        """The lever that this plan would pull."""
        return next(cost for cost in self.levers if cost.lever is self.lever)

    @property
    def would_expire_by(self) -> datetime | None:
        """When everything that is meant would have expired by itself; None if nothing that is meant is live."""
        ends = (self.chosen.radius.intended.last_expiry, self.chosen.radius.missed.last_expiry)
        return max((end for end in ends if end), default=None)

    @property
    def earliest_start(self) -> datetime | None:
        """When time alone will have removed every obstacle; None if there is none, or if time does not help."""
        ends = [obstacle.until for obstacle in self.obstacles]
        known = [end for end in ends if end is not None]
        return max(known) if known and len(known) == len(ends) else None


def make_plan(asked: Asked, situation: Situation) -> Plan:
    """Compare the levers for what is asked, and recommend one; nothing is changed."""
    levers = tuple(_cost(lever, asked, situation) for lever in Lever)
    recommended, why = _recommend(asked, levers, situation)
    lever = asked.lever or Lever.BOTH
    chosen = next(cost for cost in levers if cost.lever is lever)
    offered = tuple(offers(asked.target, asked.reason, situation))
    obstacles = (*chosen.direction.obstacles, *_mode_obstacles(asked, chosen))
    return Plan(
        account=situation.account.name,
        asked=asked,
        lever=lever,
        levers=levers,
        recommended=recommended,
        why=why,
        warnings=(
            *warnings(asked.target, offered, chosen.direction, situation),
            *_about_the_deadline(asked, chosen.direction, situation),
        ),
        obstacles=obstacles,
        epoch=situation.slots.epoch,
        made_at=situation.now,
        expires_at=situation.now + situation.pace.plan_lifetime,
        hash=_hash(asked, lever, levers, situation),
        offers=offered,
    )


def _cost(lever: Lever, asked: Asked, situation: Situation) -> LeverCost:
    way = direction(lever, asked.target, situation)
    calls = _azure_calls(way, situation)
    radius = blast_radius(situation.live, asked.target, way.kill)
    seconds = int(expected_time(way, asked.mode, situation, _stopped(asked, situation)).total_seconds())
    return LeverCost(lever, way, radius, sum(calls.values()), calls, seconds)


def _stopped(asked: Asked, situation: Situation) -> Callable[[TokenRecord], bool]:
    return stopped(asked.reason, asked.target, situation.suspended)


def _about_the_deadline(asked: Asked, way: Direction, situation: Situation) -> Iterator[str]:
    if asked.mode is not Mode.EXPEDITED:
        return
    needed = moving_time(way, asked.mode, situation, _stopped(asked, situation))
    allowed = asked.time_to_move(situation.pace.deadline)
    if asked.instant:
        needed += standby_time(way, asked.mode, situation)
        allowed = asked.instant - situation.now
    if allowed is not None and needed > allowed:
        yield too_little_time(needed, allowed, asked.on_deadline)


def _azure_calls(way: Direction, situation: Situation) -> Mapping[str, int]:
    """Return what would be sent to Azure, without what is only read: a warm standby needs nothing."""
    cold = sum(not situation.azure.serves(identity) for identity in set(way.identities.values()))
    cut = len(way.kill.identities)
    calls = {
        "attachIdentity": cold,
        "assignRole": cold,
        "listSas": len(way.standby),
        "regenerateKey": int(way.kill.key is not None),
        "detachIdentity": cut,
        "removeRole": cut,
    }
    return {operation: count for operation, count in calls.items() if count}


def _recommend(asked: Asked, levers: tuple[LeverCost, ...], situation: Situation) -> tuple[str, str]:
    fit = [
        cost for cost in levers if cost.exists and (asked.reason is not Reason.KEY_COMPROMISE or cost.lever.cuts_key)
    ]
    if not fit:
        return WAIT, "no lever can be pulled now; every obstacle is named with its ways out"
    # min keeps the first of equals: both, the document's order, before key and role.
    best = min(fit, key=lambda cost: cost.radius.collateral.total)
    last = best.radius.intended.last_expiry
    patient = asked.mode is not Mode.EMERGENCY and asked.reason is not Reason.KEY_COMPROMISE
    if patient and last and last - situation.now <= situation.pace.soon:
        return WAIT, f"everything that is meant expires by itself until {format_instant(last)}"
    others = best.radius.collateral.total
    return best.lever.value, f"fewest tokens of others die with it: {others}" if others else "no token of others dies"


def _mode_obstacles(asked: Asked, chosen: LeverCost) -> tuple[Obstacle, ...]:
    ends = [each.last_expiry for each in (chosen.radius.intended, chosen.radius.collateral) if each.last_expiry]
    last = max(ends, default=None)
    if asked.mode is Mode.GRACEFUL and asked.deadline and last and last > asked.deadline:
        what = f"the last token expires at {format_instant(last)}, after drainBy"
        return (Obstacle(what, ("mode expedited", f"drainBy {format_instant(last)} or later")),)
    return ()


def _hash(asked: Asked, lever: Lever, levers: tuple[LeverCost, ...], situation: Situation) -> str:
    """Name what an admin agreed to: the question, the way, and whom it costs; not the moment it was counted."""
    counted: Mapping[str, object] = {
        "account": situation.account.name,
        "asked": [asked.reason, asked.target.document(), asked.mode, asked.on_deadline, asked.comment],
        "deadline": format_instant(asked.deadline) if asked.deadline else None,
        "lever": lever,
        "epoch": situation.slots.epoch,
        "levers": [
            [cost.lever, cost.radius.intended.document(), cost.radius.collateral.document(), _way(cost.direction)]
            for cost in levers
        ],
    }
    return sha256(json.dumps(counted, sort_keys=True).encode()).hexdigest()


def _way(way: Direction) -> list[object]:
    return [way.kill.key, sorted(way.kill.identities), way.new_key, sorted(way.identities.items())]


def collateral_growth(planned: Plan, now: Plan) -> tuple[tuple[str, str], ...]:
    """Return the teams and profiles that would lose more tokens than the admin agreed to."""
    counted = next(cost for cost in now.levers if cost.lever is planned.lever)
    return counted.radius.collateral.grew_beyond(planned.chosen.radius.collateral)


def is_same_way(planned: Plan, now: Plan) -> bool:
    """Tell whether the run would still go from the same slot to the same slot."""
    counted = next(cost for cost in now.levers if cost.lever is planned.lever)
    return planned.epoch == now.epoch and _way(planned.chosen.direction) == _way(counted.direction)
