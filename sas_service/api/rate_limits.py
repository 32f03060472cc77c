"""How an answer says what is left of a quota, and when to come back."""

import math
from collections.abc import Mapping
from datetime import timedelta

from sas_service.domain.quotas import QuotaLeft

RATE_LIMIT_HEADERS = {
    "RateLimit-Policy": "The team's quota, where it has one: `q` requests in `w` seconds.",
    "RateLimit": "What is left of it: `r` requests, until the next window begins in `t` seconds.",
}


def rate_limit_headers(left: QuotaLeft | None) -> Mapping[str, str]:
    """Return the header fields of draft-ietf-httpapi-ratelimit-headers-10 for a team's quota; none without one."""
    if left is None:
        return {}
    window = math.ceil(left.quota.per.total_seconds())
    return {
        "RateLimit-Policy": f'"team";q={left.quota.requests};w={window}',
        "RateLimit": f'"team";r={left.remaining};t={math.ceil(left.reset.total_seconds())}',
    }


def whole_seconds_up(wait: timedelta) -> int:
    """Return ``wait`` as Retry-After wants it: whole seconds, rounded up, at least 1."""
    return max(1, math.ceil(wait.total_seconds()))
