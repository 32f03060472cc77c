"""Exposure budgets: how much of one a token takes, and what is said when there is too little left."""

from sas_service.domain.errors import OutsidePolicy, Violation
from sas_service.domain.policy import Budget
from sas_service.domain.tokens import Grant


def weight(grant: Grant) -> int:
    """Return the requests per second that the token allows over all locations that it names."""
    return grant.max_rate_per_second * len(grant.regions or ("any",))


def is_over(budget: Budget, tokens: int, rate: int) -> bool:
    """Tell whether so many live tokens, of so many requests per second together, are more than ``budget``."""
    return any(limit is not None and asked > limit for _, _, asked, limit in _asked(budget, tokens, rate))


def over_budget(budget: Budget, grant: Grant, tokens: int, rate: int) -> OutsidePolicy:
    """Return the refusal of ``grant``; ``tokens`` and ``rate`` are what there would be with it."""
    violations = tuple(
        Violation(pointer, asked, limit, f"profiles.{grant.profile}.budget.{name}")
        for name, pointer, asked, limit in _asked(budget, tokens, rate)
        if limit is not None and asked > limit
    )
    return OutsidePolicy("The profile's budget of live tokens is used up.", violations=violations)


def _asked(budget: Budget, tokens: int, rate: int) -> tuple[tuple[str, str, int, int | None], ...]:
    return (
        ("liveTokens", "/profile", tokens, budget.live_tokens),
        ("requestsPerSecond", "/maxRatePerSecond", rate, budget.requests_per_second),
    )
