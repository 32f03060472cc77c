"""Ask for a write to Azure before it is sent: wait a little for it, or say when to come back."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from sas_service.domain.arm_budget import Purpose
from sas_service.domain.errors import AzureThrottled, BudgetExhausted, QuotaExceeded
from sas_service.domain.quotas import Quota, QuotaLeft
from sas_service.domain.tokens import Grant
from sas_service.ports import (
    AccountFacts,
    Allotted,
    ArmBudget,
    Demand,
    MapsAccount,
    NotNow,
    Policies,
    QuotaSpent,
    Signed,
)
from sas_service.services.deny import Allowed


class Spending:
    """Spends one principal's budget; ``pause`` sleeps seconds, ``patience`` is the longest such sleep by purpose."""

    def __init__(
        self, *, budget: ArmBudget, pause: Callable[[float], object], patience: Mapping[Purpose, timedelta]
    ) -> None:
        self.budget = budget
        self._pause = pause
        self._patience = patience

    def spend(
        self, subscription: str, purpose: Purpose, *, team: str = "", quota: Quota | None = None
    ) -> QuotaLeft | None:
        """Return when one write may be sent, with what is left of ``quota``.

        Raises BudgetExhausted, QuotaExceeded, AzureThrottled, each with the time to come back, and AuditLogUnavailable.
        """
        return self.granted(self.budget.ask(Demand(subscription, purpose, self._patience[purpose], team, quota)))

    def granted(self, answer: Allotted | NotNow | QuotaSpent) -> QuotaLeft | None:
        """Return what is left of the quota, when the write that was asked for may be sent; raises as ``spend``."""
        if isinstance(answer, QuotaSpent):
            raise quota_exceeded(answer.quota)
        if isinstance(answer, NotNow):
            raise _not_now(answer)
        if answer.after > timedelta():
            self._pause(answer.after.total_seconds())
        return answer.quota

    def for_token(self, allowed: Allowed, purpose: Purpose, *, told: bool = False) -> QuotaLeft | None:
        """Spend on a token that needs no reservation: it is on record already."""
        return self.granted(self.budget.ask(self.demand(allowed, purpose, told=told)))

    def demand(self, allowed: Allowed, purpose: Purpose, *, told: bool = False) -> Demand:
        """Return what is asked of the budget for a token.

        ``told``: who was told to replace a token (domain/move_orders.py) is not held back by the team's quota.
        """
        quota = None if told or purpose is not Purpose.INTERACTIVE else allowed.quota
        patience = self._patience[purpose]
        return Demand(allowed.account.subscription, purpose, patience, allowed.decision.team, quota)

    def count(self, team: str, quota: Quota | None) -> QuotaLeft | None:
        """Count a request that needs no write; raises QuotaExceeded, AuditLogUnavailable."""
        if quota is None:
            return None
        left = self.budget.count(team, quota)
        if isinstance(left, QuotaSpent):
            raise quota_exceeded(left.quota)
        return left

    def give_back(self, subscription: str) -> None:
        """Return a write that was not needed after all."""
        self.budget.sent(subscription, -1)


class SpendingMapsAccount:
    """The port MapsAccount for who signs without Issuing: each canary is a write of the playbook's share."""

    def __init__(self, maps_account: MapsAccount, spending: Spending, policies: Policies) -> None:
        self._maps_account = maps_account
        self._spending = spending
        self._policies = policies

    def facts(self, account: str, *, max_age: timedelta) -> AccountFacts:
        """Return the account's facts: reading costs no write."""
        return self._maps_account.facts(account, max_age=max_age)

    def sign(self, grant: Grant, *, request_id: str) -> Signed:
        """Ask for a write, then sign; raises what both raise."""
        self._spending.spend(self._policies.current().accounts[grant.account].subscription, Purpose.PLAYBOOK)
        return self._maps_account.sign(grant, request_id=request_id)


def quota_exceeded(left: QuotaLeft) -> QuotaExceeded:
    """Return the error that tells a team of its quota."""
    error = QuotaExceeded("The team has made all the requests that its quota allows for now.", retry_after=left.reset)
    error.quota = left
    return error


def _not_now(answer: NotNow) -> AzureThrottled | BudgetExhausted:
    # "none": nothing was sent, so no token can exist.
    if answer.throttled:
        return AzureThrottled(
            "Azure asks us to slow down.", retry_after=answer.retry_after, attempts="0", effect="none"
        )
    return BudgetExhausted(
        "All signatures that Azure lets us make are spoken for.",
        retry_after=answer.retry_after,
        attempts="0",
        effect="none",
    )
