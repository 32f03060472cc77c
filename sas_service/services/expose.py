"""Add up what all live tokens can do at worst, from the indexes of unexpired tokens."""

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock

from sas_service.domain.blast_radius import live_tokens
from sas_service.domain.cuts import Past
from sas_service.domain.exposure import Exposure, exposure
from sas_service.ports import Accounts, Clock, TokenCensus

MAX_AGE = timedelta(seconds=5)
"""How old an answer may be, unless it took long to make."""

TIMES_AS_OLD = 10
"""How many times as old as it took to make: adding up 10,000 tokens takes 0.7 s of a CPU, and pages ask often."""


class Exposing:
    """Counts every account, those that have left the policy, too; canaries have no record, so none is counted."""

    def __init__(self, *, accounts: Accounts, census: TokenCensus, past: Callable[[str], Past], clock: Clock) -> None:
        self._accounts = accounts
        self._census = census
        self._past = past
        self._clock = clock
        self._known: Exposure | None = None
        self._until: datetime | None = None
        self._counting = Lock()

    def now(self) -> Exposure:
        """Return it as it was when it was last added up; ``at`` says when. Raises AuditLogUnavailable.

        One thread counts at a time. The others get the answer before: threads that wait here would issue no tokens.
        """
        known = self._known
        if not self._counting.acquire(blocking=known is None):
            return known or self.now()
        try:
            now = self._clock.now()
            if self._known is None or self._until is None or not self._known.at <= now < self._until:
                self._known = self._counted(now)
                self._until = now + max(MAX_AGE, TIMES_AS_OLD * (self._clock.now() - now))
            return self._known
        finally:
            self._counting.release()

    def _counted(self, now: datetime) -> Exposure:
        grants = (
            record.grant
            for account in self._accounts()
            for record in live_tokens(self._census.unexpired(account, now), self._past(account), now)
        )
        return exposure(grants, now)
