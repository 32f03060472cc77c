"""Finding tokens: by id, fingerprint, team, profile, slot and deadline; never by scanning."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from sas_service.adapters.audit_filters import is_asked_for
from sas_service.adapters.cursors import TokenPosition, check_limit
from sas_service.adapters.redis.instants import milliseconds
from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.records import Records
from sas_service.adapters.redis.server import Script, Server
from sas_service.adapters.redis.token_lists import Stretch, TokenLists
from sas_service.domain.tokens import TokenRecord, TokenState
from sas_service.ports import TokenPage, TokenQuery

_PAGE = Script("issued_page")
_OVERDUE_AT_ONCE = 100
_TOKEN_ID = re.compile(r"(?P<account>[^{}]+)\.(?P<suffix>[0-9A-Za-z]{1,64})", re.ASCII)
_FINGERPRINT = re.compile(r"[0-9a-f]{64}", re.ASCII)
_EXAMINED_AT_ONCE = 200
_MOST_EXAMINED = 1000
_SPARE, _MARGIN = 4, 4
_TIES = 4
"""How many tokens of the same millisecond a page reads past before it asks for their ranks."""
_Row = tuple[int, str, str]
"""``TokenPosition`` as a tuple: lists overlap, and most rows of most lists are not for this page."""


class TokenReads:
    """The queries over token records; every list costs a bounded number of round trips."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._lists = TokenLists(server)
        self._records = Records(server)

    def token(self, token_id: str) -> TokenRecord | None:
        """Return the record of a token id, or None."""
        named = _TOKEN_ID.fullmatch(token_id)
        return self._records.of([(named["account"], named["suffix"])])[0] if named else None

    def token_by_fingerprint(self, accounts: Sequence[str], fingerprint: str) -> TokenRecord | None:
        """Return the record that has this fingerprint, or None."""
        if not _FINGERPRINT.fullmatch(fingerprint):
            return None
        found = self._server.read(*(("HMGET", *Keys(account).fingerprint(fingerprint)) for account in accounts))
        names = [(account, suffix) for account, each in zip(accounts, found, strict=True) for suffix in each if suffix]
        return next(iter(self._records.of(names)), None)

    def tokens(self, query: TokenQuery, *, cursor: str | None, limit: int) -> TokenPage:
        """Do what ``AuditLog.tokens`` promises.

        Three round trips where an index has exactly what is asked for; otherwise at most 1,000 records are examined.
        """
        check_limit(limit)
        position = TokenPosition.read(cursor, by_expiry=query.by_expiry) if cursor is not None else None
        stretches = self._lists.of(query)
        found: list[tuple[TokenPosition, TokenRecord]] = []
        # What was live at a moment is most, but not all, of what the lists yield: a little more is looked at at once.
        examined, wanted = 0, limit + 1 + (limit // _MARGIN if query.live_at else 0)
        while len(found) <= limit:
            rows = self._rows(stretches, position, wanted)
            records = self._records.of([(row.account, row.suffix) for row in rows])
            found += [(row, each) for row, each in zip(rows, records, strict=True) if each and self._is(query, each)]
            examined += len(rows)
            if len(rows) < wanted:
                position = None
                break
            position, wanted = rows[-1], _next_look(limit + 1 - len(found), len(found), examined, wanted)
            if examined >= _MOST_EXAMINED:
                break
        if len(found) > limit:
            position = found[limit - 1][0]
        following = position.cursor(by_expiry=query.by_expiry) if position else None
        return TokenPage(tuple(record for _, record in found[:limit]), following)

    def identities_in_use(self, account: str, now: datetime) -> Mapping[str, int]:
        """Return identity name -> number of unexpired tokens that hang on it (also abandoned ones)."""
        keys = Keys(account)
        (members,) = self._server.read(("SMEMBERS", keys.slots_used))
        slots = sorted(members)
        counts = self._server.read(*(("ZCOUNT", keys.slot(slot), f"({milliseconds(now)}", "+inf") for slot in slots))
        in_use: dict[str, int] = {}
        for slot, count in zip(slots, counts, strict=True):
            identity = slot.partition("|")[2]
            in_use[identity] = in_use.get(identity, 0) + int(count)
        return {identity: count for identity, count in in_use.items() if count}

    def overdue(self, account: str, now: datetime) -> tuple[TokenRecord, ...]:
        """Return at most 100 reservations past their deadline."""
        (suffixes,) = self._server.read(
            ("ZRANGEBYSCORE", Keys(account).open_reservations, "-inf", milliseconds(now), "LIMIT", 0, _OVERDUE_AT_ONCE)
        )
        return tuple(record for record in self._records.of([(account, suffix) for suffix in suffixes]) if record)

    @staticmethod
    def _is(query: TokenQuery, record: TokenRecord) -> bool:
        # A refused token never existed; it leaves its slot's index in the same step, but after its record was read.
        return is_asked_for(query, record) and not (query.by_expiry and record.state is TokenState.REFUSED)

    def _rows(self, stretches: Sequence[Stretch], position: TokenPosition | None, count: int) -> list[TokenPosition]:
        """Return the next ``count`` positions over all stretches, the largest first, each once."""
        asked = count + _TIES if position else count
        answers = self._server.read_permitted(*(each.words(asked, position) for each in stretches)) if stretches else []
        rows: set[_Row] = set()
        crowded = []
        for each, answer in zip(stretches, answers, strict=True):
            found = _rows_of(each, answer)
            if position:
                following = [row for row in found if row < (position.ms, position.suffix, position.account)]
                if len(found) == asked and len(following) < count:
                    crowded.append(each)
                    continue
                found = following
            rows.update(found)
        if position and crowded:
            calls = [((each.index,), each.ranked_words(count, position)) for each in crowded]
            for each, answer in zip(crowded, self._server.run_all(_PAGE, calls), strict=True):
                rows.update(_rows_of(each, answer))
        return [TokenPosition(*row) for row in sorted(rows, reverse=True)[:count]]


def _rows_of(stretch: Stretch, answer: Sequence[str]) -> list[_Row]:
    """Return what a flat list of suffixes and scores stands for."""
    return [
        (int(float(score)), suffix, stretch.account) for suffix, score in zip(answer[::2], answer[1::2], strict=True)
    ]


def _next_look(missing: int, found: int, examined: int, last: int) -> int:
    """Return how many to examine next: as many as should hold what is missing, if what follows is like what was seen.

    A page that lacks one match does not pay for two hundred; one that found nothing does, and so does the third look.
    """
    likely = missing * examined // found + _SPARE if found else _EXAMINED_AT_ONCE
    least = 2 * last if examined > last else 0
    return min(_EXAMINED_AT_ONCE, max(likely, least))
