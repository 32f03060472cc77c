"""Say when a token should be replaced, and "now" when a revocation moves its holder."""

from sas_service.domain.arm_budget import PUBLISHED, BucketLimits
from sas_service.domain.callers import Caller
from sas_service.domain.renewal import RenewalInformation, renewal_information
from sas_service.ports import Clock
from sas_service.services.histories import Histories
from sas_service.services.inspect import Inspection


class Renewing:
    """Answers from this process's copy of what runs and lockdowns have cut, and are about to.

    ``writes`` is what Azure signs at most: many who must move are told one after the other.
    """

    def __init__(
        self, *, inspection: Inspection, histories: Histories, clock: Clock, writes: BucketLimits = PUBLISHED
    ) -> None:
        self._inspection = inspection
        self._histories = histories
        self._clock = clock
        self._writes = writes

    def information(self, token_id: str, caller: Caller, *, seed: str) -> RenewalInformation:
        """Return when to replace the token; ``seed`` spreads the answers. Raises NotFound, AuditLogUnavailable."""
        record = self._inspection.token(token_id, caller)
        order = self._histories.order(record)
        return renewal_information(record, self._clock.now(), seed=seed, order=order, writes=self._writes)
