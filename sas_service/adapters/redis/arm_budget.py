"""The port ArmBudget in Redis: one script decides for all processes, and what one learns reaches it with its next ask.

It is bookkeeping, not evidence: nothing waits until it is durable. A server that lost it begins with a full bucket, and
Azure's own answers correct that. While its part of a cluster is away writes are let go and told when it is back.
"""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from sas_service.adapters.redis.keys import arm_budget_keys, quota_key
from sas_service.adapters.redis.nodes import Words
from sas_service.adapters.redis.server import Script, Server
from sas_service.domain.arm_budget import PUBLISHED, BucketLimits, Learnt, Purpose
from sas_service.domain.errors import AuditLogUnavailable
from sas_service.domain.quotas import Quota, QuotaLeft
from sas_service.ports import Allotted, Demand, NotNow, QuotaSpent

_SCRIPT = Script("arm_budget")
_LONGEST_CLOSED = 600.0
_NOBODY, _COUNT_ONLY = -1, 0
_OWN = {each: index for index, each in enumerate(Purpose)}


class RedisArmBudget:
    """The budget of ``principal``; ``clock`` replaces the server's clock, so that tests can compare with the twin."""

    def __init__(
        self,
        server: Server,
        *,
        principal: str,
        limits: BucketLimits = PUBLISHED,
        clock: Callable[[], float] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        self._principal = principal
        self._limits = limits
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._spent: dict[str, int] = {}
        self._remaining: dict[str, tuple[int, float]] = {}

    def ask(self, demand: Demand) -> Allotted | NotNow | QuotaSpent:
        """Take one write."""
        return self.ask_by(demand, lambda keys, words: self._server.run(_SCRIPT, keys, words))

    def ask_by(self, demand: Demand, run: Callable[[Sequence[str], Words], Any]) -> Allotted | NotNow | QuotaSpent:
        """Take one write; ``run`` is given keys and arguments of lua/arm_budget.lua, and returns its answer."""
        learnt = self._take_learnt(demand.subscription)
        try:
            answer = run(
                *self._call(
                    demand.subscription,
                    own=_OWN[demand.purpose],
                    team=demand.team,
                    patience=demand.patience.total_seconds(),
                    learnt=learnt,
                    quota=demand.quota,
                )
            )
        except AuditLogUnavailable:
            # The part of a cluster that has the budget is no account's: nobody's tokens hang on bookkeeping.
            is_let_go = self._server.is_cluster
            self.sent(demand.subscription, learnt.spent + is_let_go)
            if not is_let_go:
                raise
            return Allotted(timedelta())
        word, seconds, closed, *_ = answer
        left = _left(demand.quota, answer)
        if word == "QUOTA" and left:
            return QuotaSpent(left)
        wait = timedelta(seconds=float(seconds))
        return Allotted(wait, left) if word == "GO" else NotNow(wait, throttled=bool(closed))

    def count(self, team: str, quota: Quota) -> QuotaLeft | QuotaSpent:
        """Count a request."""
        try:
            answer = self._server.run(_SCRIPT, *self._call("-", own=_COUNT_ONLY, team=team, quota=quota, rate=0.0))
        except AuditLogUnavailable:
            if not self._server.is_cluster:
                raise
            return QuotaLeft(quota, 0, quota.per)
        left = _left(quota, answer) or QuotaLeft(quota, 0, quota.per)
        return QuotaSpent(left) if answer[0] == "QUOTA" else left

    def learn(self, subscription: str, remaining: int) -> None:
        """Keep the newest word of Azure's."""
        self._remaining[subscription] = (remaining, self._monotonic())

    def sent(self, subscription: str, writes: int) -> None:
        """Keep the sum."""
        if writes:
            with self._lock:
                self._spent[subscription] = self._spent.get(subscription, 0) + writes

    def close(self, subscription: str, wait: timedelta, *, empty: bool) -> None:
        """Let nobody write for ``wait``; if Redis is away nothing is issued anyway."""
        seconds = min(wait.total_seconds(), _LONGEST_CLOSED)
        try:
            self._server.run(_SCRIPT, *self._call(subscription, own=_NOBODY, close_for=seconds, empty=empty))
        except AuditLogUnavailable:
            return

    def _take_learnt(self, subscription: str) -> Learnt:
        told = self._remaining.pop(subscription, None)
        spent = 0
        if self._spent:
            with self._lock:
                spent = self._spent.pop(subscription, 0)
        if told is None:
            return Learnt(spent)
        return Learnt(spent, told[0], max(0.0, self._monotonic() - told[1]))

    def _call(
        self,
        subscription: str,
        *,
        own: int,
        team: str = "",
        patience: float = 0.0,
        learnt: Learnt | None = None,
        quota: Quota | None = None,
        close_for: float = 0.0,
        empty: bool = False,
        rate: float | None = None,
    ) -> tuple[Sequence[str], Words]:
        learnt = learnt or Learnt()
        words: tuple[str | int, ...] = (
            *(repr(self._limits.burst), repr(self._limits.rate if rate is None else rate), own, team, repr(patience)),
            *(learnt.spent, -1 if learnt.remaining is None else learnt.remaining, repr(learnt.age)),
            *((quota.requests, int(quota.per.total_seconds() * 1000)) if quota else (0, 0)),
            *(repr(close_for), int(empty), "" if self._clock is None else repr(self._clock())),
        )
        return (*arm_budget_keys(subscription, self._principal), quota_key(team)), words


def _left(quota: Quota | None, answer: Any) -> QuotaLeft | None:
    if quota is None:
        return None
    remaining, reset = answer[3:5]
    return QuotaLeft(quota, int(remaining), timedelta(milliseconds=max(0, int(reset))))
