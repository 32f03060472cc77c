"""Say when a token should be replaced, and "now" when a revocation moves its holder."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sas_service.domain.callers import Caller
from sas_service.domain.lockdowns import Lockdown
from sas_service.domain.move_orders import move_order, released_order
from sas_service.domain.renewal import MoveOrder, RenewalInformation, renewal_information
from sas_service.domain.runs import Revocation
from sas_service.domain.tokens import TokenRecord
from sas_service.ports import Clock, Journal, Lockdowns, Slots
from sas_service.services.inspect import Inspection

COPY_MAX_AGE = timedelta(seconds=1)
"""How old this process's picture of an account may be: thousands may ask at once, and an order is for minutes."""


EARLIER_MAX_AGE = timedelta(seconds=10)
"""How old the history in it may be: a key that somebody else made anew is written there in the middle of a run."""


@dataclass(frozen=True, slots=True)
class _History:
    """What was cut before, and when that was read."""

    at: datetime
    runs: tuple[Revocation, ...]
    lockdowns: tuple[Lockdown, ...]


@dataclass(frozen=True, slots=True)
class _Picture:
    """What orders depend on: the epoch, the run that is open, and all that came before."""

    at: datetime
    epoch: int
    running: Revocation | None
    history: _History | None = None

    @property
    def version(self) -> tuple[int, str | None]:
        """What must be the same for the history to be still all."""
        return self.epoch, self.running.id if self.running else None


class Renewing:
    """Answers from copies: of the open run at most a second old, of the history ten."""

    def __init__(
        self, *, inspection: Inspection, journal: Journal, lockdowns: Lockdowns, slots: Slots, clock: Clock
    ) -> None:
        self._inspection = inspection
        self._journal = journal
        self._lockdowns = lockdowns
        self._slots = slots
        self._clock = clock
        self._pictures: Mapping[str, _Picture] = {}

    def information(self, token_id: str, caller: Caller, *, seed: str) -> RenewalInformation:
        """Return when to replace the token; ``seed`` spreads the answers. Raises NotFound, AuditLogUnavailable."""
        record = self._inspection.token(token_id, caller)
        return renewal_information(record, self._clock.now(), seed=seed, order=self._order(record))

    def _order(self, record: TokenRecord) -> MoveOrder | None:
        # Also for a token of the current epoch: a key made anew by hand during a run moves no epoch.
        picture = self._picture(record.grant.account)
        history = self._history(record.grant.account, picture)
        runs = (picture.running, *history.runs) if picture.running else history.runs
        return move_order(record, runs) or released_order(record, history.lockdowns)

    def _picture(self, account: str) -> _Picture:
        now, known = self._clock.now(), self._pictures.get(account)
        if known is not None and timedelta() <= now - known.at < COPY_MAX_AGE:
            return known
        fresh = _Picture(now, self._slots.read(account).epoch, self._journal.running(account))
        if known is not None and known.version == fresh.version:
            fresh = _Picture(now, fresh.epoch, fresh.running, known.history)
        return self._keep(account, fresh)

    def _history(self, account: str, picture: _Picture) -> _History:
        known, now = picture.history, self._clock.now()
        if known is not None and timedelta() <= now - known.at < EARLIER_MAX_AGE:
            return known
        running = picture.running.id if picture.running else None
        runs = tuple(run for run in self._journal.of(account) if run.steps and run.id != running)
        fresh = _History(now, runs, self._lockdowns.of(account))
        self._keep(account, _Picture(picture.at, picture.epoch, picture.running, fresh))
        return fresh

    def _keep(self, account: str, picture: _Picture) -> _Picture:
        # Replaced as a whole: threads read either the old one or the new one.
        self._pictures = {**self._pictures, account: picture}
        return picture
