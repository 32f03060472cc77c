"""Which indexes hold the tokens that a query asks for, and the stretch of each that may."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from sas_service.adapters.cursors import TokenPosition
from sas_service.adapters.redis.compact_json import compact
from sas_service.adapters.redis.instants import milliseconds
from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.lifetimes import longest_ms
from sas_service.adapters.redis.server import Server
from sas_service.domain.tokens import TokenRecord
from sas_service.ports import TokenQuery

_ALWAYS, _WITHOUT_END = "-inf", "+inf"
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of one sorted set: the scores from ``lowest`` to ``highest``, both included."""

    account: str
    index: str
    lowest: int | str = _ALWAYS
    highest: int | str = _WITHOUT_END

    def words(self, count: int, position: TokenPosition | None) -> tuple[str | int, ...]:
        """Return the command that reads on from ``position``, which it answers with, too, and what ties with it."""
        highest = self.highest if position is None else position.ms
        if position and self.highest != _WITHOUT_END:
            highest = min(position.ms, int(self.highest))
        return "ZREVRANGEBYSCORE", self.index, highest, self.lowest, "WITHSCORES", "LIMIT", 0, count

    def ranked_words(self, count: int, position: TokenPosition) -> tuple[str | int, ...]:
        """Return the arguments with which lua/issued_page.lua reads on, however many tie with ``position``."""
        included = int(self.account < position.account)
        return count, position.ms, position.suffix, included, self.highest, self.lowest


class TokenLists:
    """Reads what few sets there are of, and picks."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def of(self, query: TokenQuery) -> list[Stretch]:
        """Return everything that may hold a match, in at most one round trip; a token may be in several."""
        if query.by_expiry:
            return self._slots(query)
        lowest, highest = _bounds(query.issued_after, _earliest(query.issued_before, query.live_at))
        if query.application is not None or query.object_id is not None:
            found = self._callers(query, lowest, highest)
        elif query.teams is not None or query.profile is not None:
            return self._pairs(query, lowest, highest)
        else:
            found = self._lifetimes(query, lowest, highest)
        # What processes of the first release wrote, or will have written until the last of them is gone.
        return found + [Stretch(account, Keys(account).issued, lowest, highest) for account in query.accounts]

    def _slots(self, query: TokenQuery) -> list[Stretch]:
        lowest, highest = _bounds(query.expires_after, query.expires_before)
        if query.live_at is not None:
            lowest = milliseconds(query.live_at) if lowest == _ALWAYS else max(int(lowest), milliseconds(query.live_at))
        return [
            Stretch(account, Keys(account).slot(slot), lowest, highest)
            for account, slots in self._members(query.accounts, [Keys(each).slots_used for each in query.accounts])
            for slot in slots
            if query.signing_key in {None, slot.partition("|")[0]} and query.identity in {None, slot.partition("|")[2]}
        ]

    def _pairs(self, query: TokenQuery, lowest: int | str, highest: int | str) -> list[Stretch]:
        return [
            Stretch(account, Keys(account).issued_as(pair), lowest, highest)
            for account, pairs in self._members(query.accounts, [Keys(each).issued_pairs for each in query.accounts])
            for pair in pairs
            if _is_wanted(query, *json.loads(pair))
        ]

    def _lifetimes(self, query: TokenQuery, lowest: int | str, highest: int | str) -> list[Stretch]:
        classes = self._members(query.accounts, [Keys(each).lifetimes for each in query.accounts])
        return [
            Stretch(account, Keys(account).issued_for(each), _since(query, int(each), lowest), highest)
            for account, found in classes
            for each in found
        ]

    def _callers(self, query: TokenQuery, lowest: int | str, highest: int | str) -> list[Stretch]:
        """Return the lists of an object id, its own and that of the application that it is, or an application's."""
        if query.object_id is None:
            name = str(query.application)
            indexes = [
                (account, Keys(account).issued_to_application(name, for_itself=for_itself))
                for account in query.accounts
                for for_itself in (True, False)
            ]
        else:
            owned = self._server.read(
                *(("HGET", Keys(account).applications, query.object_id) for account in query.accounts)
            )
            indexes = [(account, Keys(account).issued_to_object(query.object_id)) for account in query.accounts]
            indexes += [
                (account, Keys(account).issued_to_application(application, for_itself=True))
                for account, application in zip(query.accounts, owned, strict=True)
                if application
            ]
        return [Stretch(account, index, lowest, highest) for account, index in indexes]

    def _members(self, accounts: Sequence[str], sets: Iterable[str]) -> list[tuple[str, list[str]]]:
        found = self._server.read(*(("SMEMBERS", name) for name in sets))
        return [(account, sorted(members)) for account, members in zip(accounts, found, strict=True)]


def _bounds(after: datetime | None, before: datetime | None) -> tuple[int | str, int | str]:
    """Return the ms between which matches lie; what else lies there is sorted out by looking at the records."""
    return (_ALWAYS if after is None else milliseconds(after)), (
        _WITHOUT_END if before is None else milliseconds(before)
    )


def _earliest(*instants: datetime | None) -> datetime | None:
    return min((each for each in instants if each), default=None)


def _since(query: TokenQuery, lifetime: int, lowest: int | str) -> int | str:
    """Return from which ms on a token of this class may have lived at ``live_at``."""
    longest = longest_ms(lifetime)
    if query.live_at is None or longest is None:
        return lowest
    earliest = milliseconds(query.live_at) - longest
    return earliest if lowest == _ALWAYS else max(int(lowest), earliest)


def pair_of(record: TokenRecord) -> str:
    """Return the member of ``Keys.issued_pairs`` that a token is listed under."""
    return _pair(record.grant.team, record.grant.profile)


def slot_of(record: TokenRecord) -> str:
    """Return the member of ``Keys.slots_used`` that a token hangs on."""
    return f"{record.grant.signing_key}|{record.grant.identity}"


@cache
def _pair(team: str, profile: str) -> str:
    return compact((team, profile))


def _is_wanted(query: TokenQuery, team: str, profile: str) -> bool:
    return (query.teams is None or team in query.teams) and query.profile in {None, profile}
