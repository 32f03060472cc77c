"""What counts against a profile's budget: kept by the scripts that reserve and settle, begun here."""

from datetime import datetime

from sas_service.adapters.redis.census import RedisTokenCensus
from sas_service.adapters.redis.instants import milliseconds
from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.server import Script, Server
from sas_service.domain.budgets import weight
from sas_service.domain.tokens import Grant, TokenRecord, TokenState
from sas_service.ports import Reservation

_COUNT = Script("count_budget")
_AT_ONCE = 500
_COUNTS = frozenset({TokenState.RESERVED, TokenState.LIVE})


def place(record: TokenRecord) -> str:
    """Return the token's member in the budget's set."""
    return f"{record.id.rpartition('.')[2]}:{weight(record.grant)}"


def budget_words(reservation: Reservation) -> tuple[str | int, ...]:
    """Return the five arguments that lua/reserve.lua reads of a budget."""
    budget = reservation.budget
    if budget is None:
        return place(reservation.record), weight(reservation.record.grant), "", "", ""
    limits = ("" if each is None else each for each in (budget.live_tokens, budget.requests_per_second))
    word = "NOTES" if reservation.may_overdraw else "STOPS"
    return place(reservation.record), weight(reservation.record.grant), *limits, word


def count_budget(server: Server, grant: Grant, now: datetime) -> None:
    """Count the unexpired tokens of the grant's profile and epoch that were issued before it had a budget.

    From the first call on reservations count themselves, and only then the others are looked for: none is missed, and
    none is counted twice. Repeated after a crash, it goes on.
    """
    keys = Keys(grant.account)

    def count(*members: str | int, is_all: bool) -> None:
        words = (grant.profile, grant.epoch, int(is_all), *members)
        server.run(_COUNT, (keys.budget(grant.profile), keys.budgets), words)

    count(is_all=False)
    found = [
        record
        for record in RedisTokenCensus(server).unexpired(grant.account, now)
        if (record.grant.profile, record.grant.epoch) == (grant.profile, grant.epoch) and record.state in _COUNTS
    ]
    for first in range(0, len(found), _AT_ONCE):
        some = found[first : first + _AT_ONCE]
        count(*(word for each in some for word in (place(each), milliseconds(each.grant.expiry))), is_all=False)
    count(is_all=True)
