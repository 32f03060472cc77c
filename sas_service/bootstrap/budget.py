"""The wiring of the ARM budget: one bucket per principal and subscription, in Redis."""

import time
from collections.abc import Callable
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
    """One principal's budget as its user asks for it, and as its pipeline watches it."""

    spending: Spending
    issuing: ArmWrites
    operating: ArmWrites


def build_writes(settings: Settings, server: Server, principal: str | None) -> PrincipalsWrites:
    """Return the budget of ``principal``, a client id; a developer has none, and needs but one name."""
    limits = BucketLimits(burst=float(settings.arm_writes_burst), rate=float(settings.arm_writes_per_second))
    budget = RedisArmBudget(server, principal=principal or "developer", limits=limits)
    wait = settings.arm_writes_wait
    # A step never waits here, between the check of its lease and the write: the next tick tries again.
    patience = dict.fromkeys(Purpose, timedelta()) | {Purpose.INTERACTIVE: wait}
    spending = Spending(budget=budget, pause=time.sleep, patience=patience)
    return PrincipalsWrites(spending, ArmWrites(budget), ArmWrites(budget, _asking(spending)))


def _asking(spending: Spending) -> Callable[[str, str], object]:
    def ask(subscription: str, url: str) -> object:
        # Keys are read by the drift watch all the time; all else that an operator writes is a step's, or a person's.
        watching = url.partition("?")[0].endswith("/listKeys")
        return spending.spend(subscription, Purpose.BACKGROUND if watching else Purpose.PLAYBOOK)

    return ask
