"""Make the next shared tokens before they are needed, also where nobody asks just then: the worker's round."""

from sas_service.domain.errors import SasServiceError
from sas_service.ports import Clock, Lockdowns, Policies, SharedTokens, Suspensions
from sas_service.services.make_shared import Making, Offer, offers


class RefreshingShared:
    """Harmless to repeat, and in several workers at once: one flight makes one token.

    Whoever asks makes the next one too, and mostly first. This is for pauses: a thousand who come back after one find
    a token, whatever Azure does at that moment. What was handed out to nobody is followed by nothing.
    """

    def __init__(
        self,
        *,
        policies: Policies,
        making: Making,
        shared: SharedTokens,
        suspensions: Suspensions,
        lockdowns: Lockdowns,
        clock: Clock,
    ) -> None:
        self._policies = policies
        self._making = making
        self._shared = shared
        self._suspensions = suspensions
        self._lockdowns = lockdowns
        self._clock = clock

    def run(self) -> int:
        """Return how many were looked for; one that fails holds up no other, the first failure is raised."""
        looked, failures = 0, []
        for offer in offers(self._policies.current()):
            try:
                looked += self._refresh(offer)
            except SasServiceError as error:
                failures.append(error)
        if failures:
            raise failures[0]
        return looked

    def _refresh(self, offer: Offer) -> bool:
        lying = self._shared.peek(offer.name)
        if lying is None or self._clock.now() < lying[1] or self._is_stopped(offer):
            return False
        self._making.make(offer, lying[0], request_id=f"ahead-{lying[0][-16:]}")
        return True

    def _is_stopped(self, offer: Offer) -> bool:
        """Nobody has asked: a refusal would put a denial on record that is nobody's."""
        names = {("team", offer.team.name), ("profile", offer.profile.name)}
        stopped = any((each.kind, each.id) in names for each in self._suspensions.list())
        return stopped or self._lockdowns.current(offer.account.name) is not None
