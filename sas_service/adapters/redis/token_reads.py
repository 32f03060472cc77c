"""Finding tokens: by id, fingerprint, team, profile, slot and deadline; never by scanning."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from sas_service.adapters.cursors import TokenPosition, check_limit
from sas_service.adapters.redis.instants import milliseconds
from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.record_text import read_record
from sas_service.adapters.redis.server import Script, Server
from sas_service.domain.tokens import TokenRecord
from sas_service.ports import TokenPage, TokenQuery

_PAGE = Script("issued_page")
_OVERDUE_AT_ONCE = 100
_TOKEN_ID = re.compile(r"(?P<account>[^{}]+)\.(?P<suffix>[0-9A-Za-z]{1,64})", re.ASCII)
_FINGERPRINT = re.compile(r"[0-9a-f]{64}", re.ASCII)
_Name = tuple[str, str]  # account and suffix


class TokenReads:
    """The queries over token records; every list costs a bounded number of round trips."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def token(self, token_id: str) -> TokenRecord | None:
        """Return the record of a token id, or None."""
        named = _TOKEN_ID.fullmatch(token_id)
        return self._records([(named["account"], named["suffix"])])[0] if named else None

    def token_by_fingerprint(self, accounts: Sequence[str], fingerprint: str) -> TokenRecord | None:
        """Return the record that has this fingerprint, or None."""
        if not _FINGERPRINT.fullmatch(fingerprint):
            return None
        suffixes = self._server.read(*(("HGET", *Keys(account).fingerprint(fingerprint)) for account in accounts))
        names = [(account, suffix) for account, suffix in zip(accounts, suffixes, strict=True) if suffix]
        return next(iter(self._records(names)), None)

    def tokens(self, query: TokenQuery, *, cursor: str | None, limit: int) -> TokenPage:
        """Do what ``AuditLog.tokens`` promises, in at most three round trips."""
        check_limit(limit)
        position = TokenPosition.read(cursor) if cursor is not None else None
        rows = self._rows(query, position, limit + 1)
        shown = rows[:limit]
        found = tuple(record for record in self._records([(row.account, row.suffix) for row in shown]) if record)
        return TokenPage(found, shown[-1].cursor() if len(rows) > limit else None)

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
        return tuple(record for record in self._records([(account, suffix) for suffix in suffixes]) if record)

    def _rows(self, query: TokenQuery, position: TokenPosition | None, count: int) -> list[TokenPosition]:
        """Return the next ``count`` positions over all indexes of the query, newest first."""
        indexes = self._indexes(query)
        calls = [((index,), _page_words(count, position, account)) for account, index in indexes]
        rows: list[TokenPosition] = []
        for (account, _), answer in zip(indexes, self._server.run_all(_PAGE, calls), strict=True):
            pairs = zip(answer[::2], answer[1::2], strict=True)
            rows += [TokenPosition(int(float(score)), suffix, account) for suffix, score in pairs]
        rows.sort(reverse=True)
        return rows[:count]

    def _indexes(self, query: TokenQuery) -> list[tuple[str, str]]:
        """Return account and sorted set of everything that may hold a match, and nothing else."""
        if query.teams is None and query.profile is None:
            return [(account, Keys(account).issued) for account in query.accounts]
        pairs = self._server.read(*(("SMEMBERS", Keys(account).issued_pairs) for account in query.accounts))
        return [
            (account, Keys(account).issued_as(pair))
            for account, known in zip(query.accounts, pairs, strict=True)
            for pair in sorted(known)
            if _is_wanted(query, *json.loads(pair))
        ]

    def _records(self, names: Sequence[_Name]) -> list[TokenRecord | None]:
        """Return the records of these tokens in the same order, one command per account."""
        accounts = sorted({account for account, _ in names})
        wanted = {account: [suffix for other, suffix in names if other == account] for account in accounts}
        answers = self._server.read(
            *(("MGET", *(Keys(account).token(suffix) for suffix in wanted[account])) for account in accounts)
        )
        texts = {
            (account, suffix): text
            for account, found in zip(accounts, answers, strict=True)
            for suffix, text in zip(wanted[account], found, strict=True)
        }
        return [read_record(*name, text) if (text := texts[name]) else None for name in names]


def _is_wanted(query: TokenQuery, team: str, profile: str) -> bool:
    return (query.teams is None or team in query.teams) and query.profile in {None, profile}


def _page_words(count: int, position: TokenPosition | None, account: str) -> tuple[str | int, ...]:
    if position is None:
        return count, "", "", 0
    return count, position.issued_ms, position.suffix, int(account < position.account)
