"""Put on record who was given which shared token: one event for each token, caller and minute, with a count."""

from datetime import timedelta

from sas_service.domain.apart import for_each
from sas_service.ports import Accounts, AuditMirror, Clock, SharedTokens

WITHOUT_WORKER = timedelta(minutes=5)
"""How long after its end every process folds a minute that no worker has folded."""


class Folding:
    """One round of writing minutes that are over; harmless to repeat and to run in several workers at once."""

    def __init__(self, *, accounts: Accounts, shared: SharedTokens, mirror: AuditMirror, clock: Clock) -> None:
        self._accounts = accounts
        self._shared = shared
        self._mirror = mirror
        self._clock = clock

    def run(self, *, late: timedelta = timedelta()) -> int:
        """Return how many events were written; with ``late`` only of minutes that are over for so long."""
        now = self._clock.now() - late

        def fold(account: str) -> int:
            events = self._shared.fold([account], now)
            self._mirror.append(events)
            return len(events)

        return sum(for_each(self._accounts(), fold))
