"""Say when a token should be replaced, and "now" when a revocation moves its holder."""

from sas_service.domain.callers import Caller
from sas_service.domain.move_orders import move_order, released_order
from sas_service.domain.renewal import MoveOrder, RenewalInformation, renewal_information
from sas_service.domain.tokens import TokenRecord
from sas_service.ports import Clock
from sas_service.services.histories import Histories
from sas_service.services.inspect import Inspection


class Renewing:
    """Answers from this process's copy of what runs and lockdowns have cut, and are about to."""

    def __init__(self, *, inspection: Inspection, histories: Histories, clock: Clock) -> None:
        self._inspection = inspection
        self._histories = histories
        self._clock = clock

    def information(self, token_id: str, caller: Caller, *, seed: str) -> RenewalInformation:
        """Return when to replace the token; ``seed`` spreads the answers. Raises NotFound, AuditLogUnavailable."""
        record = self._inspection.token(token_id, caller)
        return renewal_information(record, self._clock.now(), seed=seed, order=self._order(record))

    def _order(self, record: TokenRecord) -> MoveOrder | None:
        # Also for a token of the current epoch: a key made anew by hand during a run moves no epoch.
        history = self._histories.of(record.grant.account)
        return move_order(record, history.runs) or released_order(record, history.lockdowns)
