"""Put on record who was given which shared token: one event for each token, caller and minute, with a count."""

from sas_service.domain.apart import for_each
from sas_service.ports import AuditMirror, Clock, Policies, SharedTokens


class Folding:
    """One round of writing minutes that are over; harmless to repeat and to run in several workers at once."""

    def __init__(self, *, policies: Policies, shared: SharedTokens, mirror: AuditMirror, clock: Clock) -> None:
        self._policies = policies
        self._shared = shared
        self._mirror = mirror
        self._clock = clock

    def run(self) -> int:
        """Return how many events were written."""
        now = self._clock.now()

        def fold(account: str) -> int:
            events = self._shared.fold([account], now)
            self._mirror.append(events)
            return len(events)

        return sum(for_each(sorted(self._policies.current().accounts), fold))
