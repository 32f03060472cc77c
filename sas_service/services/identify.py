"""Say whose a found token is, whether it works by what is on record, and what it would cost to take it back."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sas_service.domain.cuts import Past
from sas_service.domain.errors import SasServiceError
from sas_service.domain.iso8601 import format_instant
from sas_service.domain.plans import Asked, Plan
from sas_service.domain.revocations import Mode, Reason, Target
from sas_service.domain.tokens import TokenRecord, TokenState
from sas_service.ports import Clock
from sas_service.services.inspect import Inspection
from sas_service.services.plan_revocation import Planning

_LIVE = frozenset({TokenState.LIVE, TokenState.SUPERSEDED_LIVE})


@dataclass(frozen=True, slots=True)
class Identified:
    """``works`` None is not known; ``plan`` is what revoking it would be, ``no_plan`` why there is none."""

    record: TokenRecord
    state: TokenState
    works: bool | None
    because: str
    plan: Plan | None = None
    no_plan: str | None = None


class Identifying:
    """Answers from records alone: a found token is evidence, and is never sent anywhere."""

    def __init__(
        self, *, inspection: Inspection, past: Callable[[str], Past], clock: Clock, planning: Planning | None
    ) -> None:
        self._inspection = inspection
        self._past = past
        self._clock = clock
        self._planning = planning

    def identify(self, fingerprint: str) -> Identified | None:
        """Return what is on record about the token with this SHA-256, None if nothing is.

        Raises AuditLogUnavailable. Without Azure there is no plan, and everything else is told.
        """
        record = self._inspection.by_fingerprint(fingerprint)
        if record is None:
            return None
        now, past = self._clock.now(), self._past(record.grant.account)
        state = past.state(record, now)
        works, because = _works(record, state, past, now)
        may_work = record.grant.expiry > now and not past.is_gone(record) and state is not TokenState.REFUSED
        plan, no_plan = self._plan(record) if may_work else (None, "It cannot work any more: nothing needs to be cut.")
        return Identified(record, state, works, because, plan, no_plan)

    def _plan(self, record: TokenRecord) -> tuple[Plan | None, str | None]:
        if self._planning is None:
            return None, "This deployment has no operating identity: it cannot take tokens back."
        asked = Asked(Reason.TOKEN_LEAK, Target("tokens", (record.id,)), Mode.EXPEDITED)
        try:
            return self._planning.plan(asked), None
        except SasServiceError as error:
            return None, f"The levers could not be compared now: {error.detail}"


def _works(record: TokenRecord, state: TokenState, past: Past, now: datetime) -> tuple[bool | None, str]:
    grant = record.grant
    said: tuple[tuple[bool, bool | None, str], ...] = (
        (grant.expiry <= now, False, f"It expired at {format_instant(grant.expiry)}."),
        (state is TokenState.DEAD, False, "The generation of the key that signed it is gone."),
        (
            state is TokenState.SOFT_REVOKED,
            False,
            "Its identity's role was removed; with the role it would work.",
        ),
        (state not in _LIVE, None, f"It is {state.value}: by record it never left this service, but it may exist."),
        (past.is_hit(record), None, "Somebody else regenerated its key at about the time when it was signed."),
        (grant.start > now, False, f"It begins to work at {format_instant(grant.start)}."),
    )
    otherwise = True, f"By record it works until {format_instant(grant.expiry)}; it was not tried."
    return next(((works, why) for is_so, works, why in said if is_so), otherwise)
