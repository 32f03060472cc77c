"""ARM's request limits: a token bucket per principal, and one fifteen times as large for all principals together."""

import math
import threading
from dataclasses import dataclass

from sas_service.emulator.arm.errors import refuse
from sas_service.emulator.settings import Bucket
from sas_service.emulator.store import Store


@dataclass
class _Level:
    tokens: float
    filled_at: float


class Throttle:
    """Counts requests of each kind (reads, writes, deletes); refuses only while throttling is switched on."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._levels: dict[tuple[str, str, str], _Level] = {}

    def spend(self, subscription: str, principal: str, kind: str) -> dict[str, str]:
        """Take one token and return the headers that tell what is left, or refuse with 429."""
        limits = self._store.settings.throttling_buckets
        bucket: Bucket = getattr(limits, kind)
        everyone = Bucket(bucket.size * limits.global_factor, bucket.refill_per_second * limits.global_factor)
        with self._lock:
            own_level = self._filled((subscription, principal, kind), bucket)
            all_level = self._filled((subscription, "*", kind), everyone)
            short = [
                (1 - level.tokens) / rate.refill_per_second
                for level, rate in ((own_level, bucket), (all_level, everyone))
                if level.tokens < 1
            ]
            if short and self._store.settings.throttling:
                raise _too_many(subscription, principal, kind, max(1, math.ceil(max(short))))
            own_level.tokens = max(0.0, own_level.tokens - 1)
            all_level.tokens = max(0.0, all_level.tokens - 1)
        scope = "subscription" if subscription else "tenant"
        headers = {f"x-ms-ratelimit-remaining-{scope}-{kind}": str(int(own_level.tokens))}
        if subscription:
            headers[f"x-ms-ratelimit-remaining-subscription-global-{kind}"] = str(int(all_level.tokens))
        return headers

    def _filled(self, key: tuple[str, str, str], bucket: Bucket) -> _Level:
        now = self._store.clock.now()
        level = self._levels.setdefault(key, _Level(bucket.size, now))
        gained = max(0.0, now - level.filled_at) * bucket.refill_per_second
        level.tokens, level.filled_at = min(bucket.size, level.tokens + gained), now
        return level


def _too_many(subscription: str, principal: str, kind: str, seconds: int) -> Exception:
    message = (
        f"Number of '{kind.removesuffix('s')}' requests for subscription '{subscription}' actor '{principal}' "
        f"exceeded. Please try again after '{seconds}' seconds after additional tokens are available. "
        "Refer to https://aka.ms/arm-throttling for additional information."
    )
    return refuse(429, "SubscriptionRequestsThrottled", message, {"Retry-After": str(seconds)})
