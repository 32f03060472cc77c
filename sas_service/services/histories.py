"""What this process knows of the runs and lockdowns of each account: one copy, for everything that is asked often."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sas_service.domain.cuts import Past, joined
from sas_service.domain.errors import NotFound
from sas_service.domain.lockdowns import Lockdown
from sas_service.domain.move_orders import is_told_to_move, order_for
from sas_service.domain.renewal import MoveOrder
from sas_service.domain.runs import Revocation, past_of
from sas_service.domain.tokens import TokenRecord
from sas_service.ports import Clock, Journal, Lockdowns, Slots

COPY_MAX_AGE = timedelta(seconds=1)
"""How old this process's picture of an account may be: thousands may ask at once, and an order is for minutes."""


EARLIER_MAX_AGE = timedelta(seconds=10)
"""How old the history in it may be: a key that somebody else made anew is written there in the middle of a run."""


@dataclass(frozen=True, slots=True)
class History:
    """Every run that was started, the open one first, and every lockdown, newest first."""

    runs: tuple[Revocation, ...]
    lockdowns: tuple[Lockdown, ...]

    @property
    def past(self) -> Past:
        """Return all that they have cut."""
        return joined((past_of(self.runs), *(each.past for each in self.lockdowns)))


@dataclass(frozen=True, slots=True)
class _Earlier:
    """What was cut before, and when that was read."""

    at: datetime
    runs: tuple[Revocation, ...]
    lockdowns: tuple[Lockdown, ...]


@dataclass(frozen=True, slots=True)
class _Picture:
    """The epoch, the run that is open, and all that came before."""

    at: datetime
    epoch: int
    running: Revocation | None
    earlier: _Earlier | None = None

    @property
    def version(self) -> tuple[int, str | None]:
        """What must be the same for the history to be still all."""
        return self.epoch, self.running.id if self.running else None


class Histories:
    """Copies: of the open run at most a second old, of all others and of lockdowns ten."""

    def __init__(self, *, journal: Journal, lockdowns: Lockdowns, slots: Slots, clock: Clock) -> None:
        self._journal = journal
        self._lockdowns = lockdowns
        self._slots = slots
        self._clock = clock
        self._pictures: Mapping[str, _Picture] = {}

    def of(self, account: str) -> History:
        """Return the history of ``account``. Raises AuditLogUnavailable."""
        picture = self._picture(account)
        earlier = self._earlier(account, picture)
        runs = (picture.running, *earlier.runs) if picture.running else earlier.runs
        return History(runs, earlier.lockdowns)

    def order(self, record: TokenRecord) -> MoveOrder | None:
        """Return the order that the holder of ``record`` has, or None. Raises AuditLogUnavailable."""
        history = self.of(record.grant.account)
        return order_for(record, history.runs, history.lockdowns)

    def is_told_to_move(self, record: TokenRecord, epoch: int = 0) -> bool:
        """Tell whether ``record`` must be replaced; ``epoch`` is what the caller knows. Raises AuditLogUnavailable."""
        history = self.of(record.grant.account)
        newest = max(epoch, self._picture(record.grant.account).epoch)
        return is_told_to_move(record, newest, history.runs, history.lockdowns)

    def past(self, account: str) -> Past:
        """Return all that was cut on ``account``, by revocations and by lockdowns. Raises AuditLogUnavailable."""
        return self.of(account).past

    def _picture(self, account: str) -> _Picture:
        now, known = self._clock.now(), self._pictures.get(account)
        if known is not None and timedelta() <= now - known.at < COPY_MAX_AGE:
            return known
        fresh = _Picture(now, self._epoch(account), self._journal.running(account))
        if known is not None and known.version == fresh.version:
            fresh = replace(fresh, earlier=known.earlier)
        return self._keep(account, fresh)

    def _epoch(self, account: str) -> int:
        try:
            return self._slots.read(account).epoch
        except NotFound:
            return 0  # nothing was ever signed there

    def _earlier(self, account: str, picture: _Picture) -> _Earlier:
        known, now = picture.earlier, self._clock.now()
        if known is not None and timedelta() <= now - known.at < EARLIER_MAX_AGE:
            return known
        running = picture.running.id if picture.running else None
        runs = tuple(run for run in self._journal.of(account) if run.steps and run.id != running)
        fresh = _Earlier(now, runs, self._lockdowns.of(account))
        self._keep(account, replace(picture, earlier=fresh))
        return fresh

    def _keep(self, account: str, picture: _Picture) -> _Picture:
        # Replaced as a whole: threads read either the old one or the new one.
        self._pictures = {**self._pictures, account: picture}
        return picture
