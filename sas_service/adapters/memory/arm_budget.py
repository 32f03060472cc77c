"""The port ArmBudget in memory: the arithmetic itself behind one lock."""

import threading
from collections.abc import Callable
from datetime import timedelta

from sas_service.domain.arm_budget import PUBLISHED, Bucket, BucketLimits, Later, Learnt, ask, close, full, learn
from sas_service.domain.quotas import Quota, QuotaLeft
from sas_service.ports import Allotted, Demand, NotNow, QuotaSpent


class MemoryArmBudget:
    """Buckets of one process; ``clock`` yields seconds."""

    def __init__(self, clock: Callable[[], float], limits: BucketLimits = PUBLISHED) -> None:
        self._clock = clock
        self._limits = limits
        self._lock = threading.Lock()
        self._buckets: dict[str, Bucket] = {}
        self._quotas: dict[str, tuple[int, float]] = {}

    def ask(self, demand: Demand) -> Allotted | NotNow | QuotaSpent:
        """Take one write."""
        with self._lock:
            left = self._counted(demand.team, demand.quota) if demand.quota else None
            if isinstance(left, QuotaSpent):
                return left
            answer = ask(
                self._limits,
                self._bucket(demand.subscription),
                demand.purpose,
                demand.team,
                patience=demand.patience.total_seconds(),
                now=self._clock(),
            )
        if isinstance(answer, Later):
            return NotNow(timedelta(seconds=answer.seconds), throttled=answer.closed)
        return Allotted(timedelta(seconds=answer.after), left)

    def count(self, team: str, quota: Quota) -> QuotaLeft | QuotaSpent:
        """Count a request."""
        with self._lock:
            return self._counted(team, quota)

    def learn(self, subscription: str, remaining: int) -> None:
        """Believe it at once: there is no round trip to save."""
        with self._lock:
            learn(self._limits, self._bucket(subscription), Learnt(remaining=remaining), now=self._clock())

    def sent(self, subscription: str, writes: int) -> None:
        """Book them at once."""
        with self._lock:
            learn(self._limits, self._bucket(subscription), Learnt(spent=writes), now=self._clock())

    def close(self, subscription: str, wait: timedelta, *, empty: bool) -> None:
        """Let nobody write for ``wait``."""
        with self._lock:
            close(self._limits, self._bucket(subscription), wait.total_seconds(), empty=empty, now=self._clock())

    def _bucket(self, subscription: str) -> Bucket:
        return self._buckets.setdefault(subscription, full(self._limits, self._clock()))

    def _counted(self, team: str, quota: Quota) -> QuotaLeft | QuotaSpent:
        now = self._clock()
        used, until = self._quotas.get(team, (0, 0.0))
        if now >= until:
            used, until = 0, now + quota.per.total_seconds()
        self._quotas[team] = (used + 1, until)
        left = QuotaLeft(quota, max(0, quota.requests - used - 1), timedelta(seconds=until - now))
        return QuotaSpent(left) if used >= quota.requests else left
