"""Every unexpired token of an account, found through the indexes of its slots and read in chunks."""

from datetime import datetime

from sas_service.adapters.redis.instants import milliseconds
from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.record_text import read_record
from sas_service.adapters.redis.server import Server
from sas_service.domain.tokens import TokenRecord, TokenState

_CHUNK = 500
"""How many records are read at once: under half a megabyte in the server's and in our own buffers."""


class RedisTokenCensus:
    """The port ``TokenCensus``."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def unexpired(self, account: str, now: datetime) -> tuple[TokenRecord, ...]:
        """Return every record that is not refused and expires after ``now``, reserved and abandoned ones included."""
        keys = Keys(account)
        return tuple(
            record
            for suffix, text in self._texts(keys, self._suffixes(keys, now))
            if (record := read_record(account, suffix, text)).state is not TokenState.REFUSED
        )

    def _suffixes(self, keys: Keys, now: datetime) -> list[str]:
        """Return the tokens on each slot that ever signed; each list at once, so that none is missed between pages."""
        (slots,) = self._server.read(("SMEMBERS", keys.slots_used))
        return [
            suffix
            for slot in sorted(slots)
            for (found,) in [self._server.read(("ZRANGEBYSCORE", keys.slot(slot), f"({milliseconds(now)}", "+inf"))]
            for suffix in found
        ]

    def _texts(self, keys: Keys, suffixes: list[str]) -> list[tuple[str, str]]:
        texts: list[tuple[str, str]] = []
        for start in range(0, len(suffixes), _CHUNK):
            chunk = suffixes[start : start + _CHUNK]
            (found,) = self._server.read(("MGET", *map(keys.token, chunk)))
            texts += [(suffix, text) for suffix, text in zip(chunk, found, strict=True) if text]
        return texts
