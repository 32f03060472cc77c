"""Put on record who was given which shared token: one event for each token, caller and minute, with a count."""

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
        events = self._shared.fold(sorted(self._policies.current().accounts), self._clock.now())
        self._mirror.append(events)
        return len(events)
