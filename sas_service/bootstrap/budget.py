"""The wiring of the ARM budget: one bucket per principal and subscription, in Redis."""

import time
from dataclasses import dataclass
from datetime import timedelta

from sas_service.adapters.azure.arm_writes import ArmWrites
from sas_service.adapters.redis.arm_budget import RedisArmBudget
from sas_service.adapters.redis.server import Server
from sas_service.domain.arm_budget import BucketLimits, Purpose
from sas_service.services.spend import Spending
from sas_service.settings import Settings


@dataclass(frozen=True, slots=True)
class PrincipalsWrites:
    """One principal's budget as its user asks for it, and as its pipelines watch it.

    ``operating`` is for what a step or a person writes; ``watching`` for what a worker reads all the time, which ARM
    counts as writes: so a step that looks again and again takes nothing from the write it looks for.
    """

    budget: RedisArmBudget
    spending: Spending
    issuing: ArmWrites
    operating: ArmWrites
    watching: ArmWrites


def write_limits(settings: Settings) -> BucketLimits:
    """Return what Azure lets one identity write in a subscription, as it is set."""
    return BucketLimits(burst=float(settings.arm_writes_burst), rate=float(settings.arm_writes_per_second))


def build_writes(settings: Settings, server: Server, principal: str | None) -> PrincipalsWrites:
    """Return the budget of ``principal``, a client id; a developer has none, and needs but one name."""
    budget = RedisArmBudget(server, principal=principal or "developer", limits=write_limits(settings))
    wait = settings.arm_writes_wait
    # A step never waits here, between the check of its lease and the write: the next tick tries again.
    patience = dict.fromkeys(Purpose, timedelta()) | {Purpose.INTERACTIVE: wait}
    spending = Spending(budget=budget, pause=time.sleep, patience=patience)
    return PrincipalsWrites(
        budget=budget,
        spending=spending,
        issuing=ArmWrites(budget),
        operating=ArmWrites(budget, lambda subscription: spending.spend(subscription, Purpose.PLAYBOOK)),
        watching=ArmWrites(budget, lambda subscription: spending.spend(subscription, Purpose.BACKGROUND)),
    )
