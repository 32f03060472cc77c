"""The settings of the budget of writes to Azure Resource Manager (azure-facts.md, section 4)."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sas_service.settings.declaration import setting
from sas_service.settings.values import read_duration, read_positive


@dataclass(frozen=True, kw_only=True)
class BudgetSettings:
    """ARM's limits for one principal in one subscription, and how long a request waits for its write."""

    arm_writes_burst: int = setting(
        read_positive, "Writes that Azure takes at once from one principal in one subscription.", default="200"
    )
    arm_writes_per_second: int = setting(read_positive, "Writes that it takes each second after that.", default="10")
    arm_writes_wait: timedelta = setting(
        read_duration,
        "How long a request waits for its write at most; one that would wait longer is answered 429 at once.",
        default="PT1S",
    )


def budget_problems(settings: Any) -> list[str]:
    """What no single setting can tell."""
    booked = settings.arm_writes_per_second * settings.arm_writes_wait.total_seconds()
    if settings.arm_writes_burst >= 2 * booked:
        return []
    least = "at least twice what SAS_ARM_WRITES_PER_SECOND lets in during SAS_ARM_WRITES_WAIT"
    return [f"SAS_ARM_WRITES_BURST: must be {least}, or writes that are booked ahead exceed it"]
