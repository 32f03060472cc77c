"""How long a run is expected to take, from what it has to wait for; a guess to plan by, nothing depends on it."""

from collections.abc import Callable
from datetime import timedelta

from sas_service.domain.directions import Direction
from sas_service.domain.renewal import heard_within, moving_span
from sas_service.domain.revocations import Mode
from sas_service.domain.situations import Situation
from sas_service.domain.tokens import TokenRecord

_NONE = timedelta()


def expected_time(
    way: Direction, mode: Mode, situation: Situation, stopped: Callable[[TokenRecord], bool]
) -> timedelta:
    """Return the sum of the waits on this way: for the standby, for the applications, and for the proof at the end.

    Nobody waits for the tokens of the ``stopped``.
    """
    pace = situation.pace
    spreading = pace.role_propagation if way.kill.identities else _NONE
    waits = standby_time(way, mode, situation) + moving_time(way, mode, situation, stopped)
    return waits + spreading + pace.proof_span


def standby_time(way: Direction, mode: Mode, situation: Situation) -> timedelta:
    """Return how long it takes until the account can switch."""
    pace = situation.pace
    is_cold = any(not situation.azure.serves(identity) for identity in way.identities.values())
    return (pace.role_propagation if is_cold else _NONE) + (_NONE if mode is Mode.EMERGENCY else pace.proof_span)


def moving_time(way: Direction, mode: Mode, situation: Situation, stopped: Callable[[TokenRecord], bool]) -> timedelta:
    """Return how long applications take from the switch on: nobody is waited for in an emergency.

    Otherwise all tokens must have expired, or their holders asked and found a signature; shared ones only ever expire.
    """
    if mode is Mode.EMERGENCY:
        return _NONE
    left = [record for record in situation.live if way.kill.hits(record) and not stopped(record)]
    ending = [each for each in left if mode is Mode.GRACEFUL or each.is_shared]
    moving = [each for each in left if mode is not Mode.GRACEFUL and not each.is_shared]
    expired = max((each.grant.expiry - situation.now for each in ending), default=_NONE)
    asked = max((_asked(each, situation) for each in moving), default=_NONE)
    return max(expired, asked + moving_span(len(moving), situation.writes))


def _asked(record: TokenRecord, situation: Situation) -> timedelta:
    return min(record.grant.expiry - situation.now, heard_within(record.grant.expiry - record.grant.start))
