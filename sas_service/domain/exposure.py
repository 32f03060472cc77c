"""What a token can cost at worst."""

from datetime import timedelta

from sas_service.domain.tokens import Grant


def worst_case_transactions(grant: Grant) -> int | None:
    """Return the most billable transactions that the token allows, None if it is unconstrained."""
    return worst_case(grant.max_rate_per_second, grant.regions, grant.expiry - grant.start)


def worst_case(rate: int, regions: tuple[str, ...] | None, lifetime: timedelta) -> int | None:
    """Return rate x locations x seconds, None without named regions.

    Source: seed 004, "Rate limits are enforced per Azure location": each location has a counter of its own.
    """
    return None if regions is None else rate * len(regions) * int(lifetime.total_seconds())
