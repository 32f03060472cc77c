"""How long a run is expected to take, from what it has to wait for; a guess to plan by, nothing depends on it."""

from collections.abc import Iterable
from datetime import timedelta

from sas_service.domain.directions import Direction
from sas_service.domain.renewal import JITTER, asking_pace, moving_span
from sas_service.domain.revocations import Mode
from sas_service.domain.situations import Situation
from sas_service.domain.tokens import TokenRecord

_NONE = timedelta()


def expected_time(way: Direction, mode: Mode, situation: Situation) -> timedelta:
    """Return the sum of the waits on this way: for the standby, for the applications, and for the proof at the end."""
    pace = situation.pace
    is_cold = any(not situation.azure.serves(identity) for identity in way.identities.values())
    standby = (pace.role_propagation if is_cold else _NONE) + (_NONE if mode is Mode.EMERGENCY else pace.proof_span)
    dying = (record for record in situation.live if way.kill.hits(record))
    spreading = pace.role_propagation if way.kill.identities else _NONE
    return standby + _moving(dying, mode, situation) + spreading + pace.proof_span


def _moving(dying: Iterable[TokenRecord], mode: Mode, situation: Situation) -> timedelta:
    """Nobody is waited for in an emergency; otherwise all must have expired, or asked and found a signature."""
    if mode is Mode.EMERGENCY:
        return _NONE
    left = [(record.grant.expiry - situation.now, record.grant.expiry - record.grant.start) for record in dying]
    if mode is Mode.GRACEFUL:
        return max((rest for rest, _ in left), default=_NONE)
    asked = max((min(rest, asking_pace(life) * (1 + JITTER)) for rest, life in left), default=_NONE)
    return asked + moving_span(len(left), situation.writes)
