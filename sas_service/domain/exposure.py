"""What a token can cost at worst."""

from sas_service.domain.tokens import Grant


def worst_case_transactions(grant: Grant) -> int | None:
    """Return rate x locations x seconds: the most billable transactions that the token allows, None if unconstrained.

    Source: seed 004, "Rate limits are enforced per Azure location": each location has a counter of its own.
    """
    if grant.regions is None:
        return None
    seconds = int((grant.expiry - grant.start).total_seconds())
    return grant.max_rate_per_second * len(grant.regions) * seconds
