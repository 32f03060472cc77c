"""Budgets for tests that are about something else."""

from datetime import timedelta

from sas_service.adapters.memory import MemoryArmBudget
from sas_service.domain.arm_budget import BucketLimits, Purpose
from sas_service.services.spend import Spending

UNHURRIED = dict.fromkeys(Purpose, timedelta())


def plenty() -> Spending:
    """Return a budget that no test exhausts."""
    budget = MemoryArmBudget(lambda: 0.0, BucketLimits(burst=1e9, rate=1e6))
    return Spending(budget=budget, pause=lambda _: None, patience=UNHURRIED)
