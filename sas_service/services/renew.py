"""Say when a token should be replaced, and "now" when a revocation moves its holder."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sas_service.domain.callers import Caller
from sas_service.domain.move_orders import move_order
from sas_service.domain.renewal import RenewalInformation, renewal_information
from sas_service.domain.runs import Revocation
from sas_service.domain.tokens import TokenRecord
from sas_service.ports import Clock, Journal, Slots
from sas_service.services.inspect import Inspection

COPY_MAX_AGE = timedelta(seconds=1)
"""How old this process's picture of an account may be: thousands may ask at once, and an order is for minutes."""


@dataclass(frozen=True, slots=True)
class _Picture:
    """What orders depend on: the epoch, the run that is open, and all that came before, which changes no more."""

    at: datetime
    epoch: int
    running: Revocation | None
    earlier: tuple[Revocation, ...] | None = None

    @property
    def version(self) -> tuple[int, str | None]:
        """What must be the same for ``earlier`` to be still all."""
        return self.epoch, self.running.id if self.running else None


class Renewing:
    """Answers from a copy of at most a second; the journal is only read whole when a run has begun or ended."""

    def __init__(self, *, inspection: Inspection, journal: Journal, slots: Slots, clock: Clock) -> None:
        self._inspection = inspection
        self._journal = journal
        self._slots = slots
        self._clock = clock
        self._pictures: Mapping[str, _Picture] = {}

    def information(self, token_id: str, caller: Caller, *, seed: str) -> RenewalInformation:
        """Return when to replace the token; ``seed`` spreads the answers. Raises NotFound, AuditLogUnavailable."""
        record = self._inspection.token(token_id, caller)
        order = move_order(record, self._runs(record))
        return renewal_information(record, self._clock.now(), seed=seed, order=order)

    def _runs(self, record: TokenRecord) -> tuple[Revocation, ...]:
        account = record.grant.account
        picture = self._picture(account)
        # A token of the current epoch hangs on nothing that was ever cut.
        if picture.running is None and picture.epoch == record.grant.epoch:
            return ()
        earlier = self._earlier(account, picture)
        return (picture.running, *earlier) if picture.running else earlier

    def _picture(self, account: str) -> _Picture:
        now, known = self._clock.now(), self._pictures.get(account)
        if known is not None and timedelta() <= now - known.at < COPY_MAX_AGE:
            return known
        fresh = _Picture(now, self._slots.read(account).epoch, self._journal.running(account))
        if known is not None and known.version == fresh.version:
            fresh = _Picture(now, fresh.epoch, fresh.running, known.earlier)
        return self._keep(account, fresh)

    def _earlier(self, account: str, picture: _Picture) -> tuple[Revocation, ...]:
        if picture.earlier is not None:
            return picture.earlier
        running = picture.running.id if picture.running else None
        earlier = tuple(run for run in self._journal.of(account) if run.steps and run.id != running)
        self._keep(account, _Picture(picture.at, picture.epoch, picture.running, earlier))
        return earlier

    def _keep(self, account: str, picture: _Picture) -> _Picture:
        # Replaced as a whole: threads read either the old one or the new one.
        self._pictures = {**self._pictures, account: picture}
        return picture
