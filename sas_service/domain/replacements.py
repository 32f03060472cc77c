"""What a replacement may be: as the old token, for as long as it had left, within what the policy allows today."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sas_service.domain.limits import Limits
from sas_service.domain.tokens import TokenRecord, TokenRequest

Told = Callable[[int], bool]
"""Tells whether the token that is replaced must be, in an epoch (domain/move_orders.py)."""


def nobody_told(_epoch: int) -> bool:
    """Tell of a token that replaces none."""
    return False


def replacement_request(old: TokenRecord, limits: Limits, now: datetime) -> TokenRequest:
    """Return what is asked for in place of ``old``.

    It lives for max(remaining, the profile's minimum): one that is nearly over would not outlive its own delivery.
    Where the policy has become narrower since, so is the replacement: a refusal would leave its application behind.
    """
    grant = old.grant
    minimum = limits.minimum.value if limits.minimum else timedelta()
    lifetime = min(max(grant.expiry - now, minimum), limits.ceiling.value)
    return TokenRequest(
        profile=grant.profile,
        lifetime=lifetime,
        regions=_regions(grant.regions, limits),
        max_rate_per_second=min(grant.max_rate_per_second, limits.rate.value),
        reason="replacement",
        labels=old.labels,
    )


def _regions(had: tuple[str, ...] | None, limits: Limits) -> tuple[str, ...] | None:
    """Keep the regions that are still allowed; None is the profile's own choice."""
    if had is None or limits.regions is None:
        return had
    return tuple(region for region in had if region in limits.regions.value) or None
