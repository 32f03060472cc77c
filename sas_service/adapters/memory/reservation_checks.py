"""What may speak against a reservation, in the order in which it is asked."""

from datetime import timedelta

from sas_service.adapters.memory.slots import MemorySlots
from sas_service.adapters.memory.suspensions import MemorySuspensions
from sas_service.adapters.memory.token_store import TokenStore
from sas_service.adapters.record_changes import Verdict, verdict_on
from sas_service.domain.budgets import is_over, over_budget, weight
from sas_service.domain.errors import (
    AccountLocked,
    ClockSkew,
    EpochMoved,
    IdempotencyKeyReused,
    NotFound,
    RequestInProgress,
    Suspended,
    TokenSuperseded,
)
from sas_service.domain.tokens import TokenRecord
from sas_service.ports import Clock, Replay, Reservation


class ReservationChecks:
    """The checks of ``AuditLog.reserve``; the audit log that owns it holds the lock."""

    def __init__(
        self,
        *,
        clock: Clock,
        slots: MemorySlots,
        suspensions: MemorySuspensions,
        tokens: TokenStore,
        max_clock_skew: timedelta,
    ) -> None:
        self._clock = clock
        self._slots = slots
        self._suspensions = suspensions
        self._tokens = tokens
        self._max_clock_skew = max_clock_skew

    def check(self, reservation: Reservation) -> Replay | None:
        """Return a Replay, or None where the reservation may be written; raises what speaks against it."""
        record = reservation.record
        self._not_suspended(record)
        if self._slots.frozen(record.grant.account):
            raise AccountLocked("The account is locked down: nothing is issued for it.")
        if abs(self._clock.now() - record.issued_at) > self._max_clock_skew:
            raise ClockSkew("Our clock and the audit log's differ too much.")
        epoch = self._epoch(record.grant.account)
        replay = self._idempotent(reservation, epoch)
        if replay is None and epoch != record.grant.epoch:
            raise EpochMoved("The account's slot was switched meanwhile.")
        return replay

    def overdraws(self, reservation: Reservation) -> bool:
        """Tell whether the budget is overdrawn with it; raises OutsidePolicy where it may not be."""
        budget, grant = reservation.budget, reservation.record.grant
        if budget is None:
            return False
        tokens, rate = self._tokens.spent(grant, self._clock.now())
        with_it = tokens + 1, rate + weight(grant)
        is_overdrawn = is_over(budget, *with_it)
        if is_overdrawn and not reservation.may_overdraw:
            raise over_budget(budget, grant, *with_it)
        return is_overdrawn

    def _not_suspended(self, record: TokenRecord) -> None:
        grant = record.grant
        names = (
            ("team", grant.team),
            ("client", record.caller.get("applicationId", "")),
            ("profile", grant.profile),
        )
        suspended = self._suspensions.are_suspended(grant.account, names)
        for (kind, _), is_suspended in zip(names, suspended, strict=True):
            if is_suspended:
                raise Suspended(f"The {kind} is suspended.", kind=kind)

    def _epoch(self, account: str) -> int | None:
        try:
            return self._slots.read(account).epoch
        except NotFound:
            return None

    def _idempotent(self, reservation: Reservation, epoch: int | None) -> Replay | None:
        remembered = self._tokens.remembered(reservation)
        if remembered is None or reservation.idempotency is None:
            return None
        if remembered.body != reservation.idempotency.body:
            raise IdempotencyKeyReused("This Idempotency-Key was used with another body.")
        earlier = remembered.record
        verdict = verdict_on(earlier, reservation.record.issued_at)
        if verdict is Verdict.RUNNING:
            raise RequestInProgress(
                "The first request with this Idempotency-Key has not finished.", retry_after=timedelta(seconds=1)
            )
        if verdict is Verdict.ANEW or earlier is None:
            return None
        if verdict is Verdict.SUPERSEDED or earlier.grant.epoch != epoch:
            replacement = earlier.replaced_by or earlier.id
            raise TokenSuperseded("The token of this Idempotency-Key was superseded.", replacement=replacement)
        return Replay(earlier)
