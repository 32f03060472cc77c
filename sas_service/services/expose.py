"""Add up what all live tokens can do at worst, from the indexes of unexpired tokens."""

from collections.abc import Callable
from datetime import timedelta
from threading import Lock

from sas_service.domain.blast_radius import live_tokens
from sas_service.domain.cuts import Past
from sas_service.domain.exposure import Exposure, exposure
from sas_service.ports import Clock, Policies, TokenCensus

MAX_AGE = timedelta(seconds=5)
"""How old an answer may be: adding up 10,000 tokens takes about half a second, and pages ask again and again."""


class Exposing:
    """Counts every account of the policy; canaries have no record, so none is counted."""

    def __init__(self, *, policies: Policies, census: TokenCensus, past: Callable[[str], Past], clock: Clock) -> None:
        self._policies = policies
        self._census = census
        self._past = past
        self._clock = clock
        self._known: Exposure | None = None
        self._counting = Lock()

    def now(self) -> Exposure:
        """Return it, at most five seconds old; one thread counts at a time. Raises AuditLogUnavailable."""
        with self._counting:
            now = self._clock.now()
            if self._known is None or not timedelta() <= now - self._known.at < MAX_AGE:
                grants = (
                    record.grant
                    for account in sorted(self._policies.current().accounts)
                    for record in live_tokens(self._census.unexpired(account, now), self._past(account), now)
                )
                self._known = exposure(grants, now)
            return self._known
