"""Which identity a profile signs with that never had one (domain/first_identities.py has the rule)."""

from sas_service.domain.first_identities import first_identity
from sas_service.domain.pace import Pace
from sas_service.domain.policy import Profile
from sas_service.domain.runs import past_of
from sas_service.ports import Clock, Journal, TokenCensus


class FirstIdentity:
    """Asks the journal; an account without revocations costs one short read."""

    def __init__(self, *, journal: Journal, census: TokenCensus, clock: Clock, pace: Pace) -> None:
        self._journal = journal
        self._census = census
        self._clock = clock
        self._pace = pace

    def of(self, profile: Profile) -> str:
        """Return its name. Raises AuditLogUnavailable."""
        runs = self._journal.of(profile.account)
        if not runs:
            return profile.identities[0]
        now, running = self._clock.now(), self._journal.running(profile.account)
        return first_identity(
            profile,
            past_of(runs),
            self._census.unexpired(profile.account, now),
            now=now,
            quarantine=self._pace.quarantine,
            dying=running.plan.chosen.direction.kill.identities if running else frozenset(),
        )
