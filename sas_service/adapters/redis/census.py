"""Every unexpired token of an account, found through the indexes of its slots and read in chunks."""

from datetime import datetime

from sas_service.adapters.redis.instants import milliseconds
from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.records import Records
from sas_service.adapters.redis.server import Server
from sas_service.domain.tokens import TokenRecord, TokenState

_CHUNK = 500
"""How many records are read at once: under half a megabyte in the server's and in our own buffers."""


class RedisTokenCensus:
    """The port ``TokenCensus``."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._records = Records(server)

    def unexpired(self, account: str, now: datetime) -> tuple[TokenRecord, ...]:
        """Return every record that is not refused and expires after ``now``, reserved and abandoned ones included."""
        suffixes = self._suffixes(Keys(account), now)
        return tuple(
            record
            for first in range(0, len(suffixes), _CHUNK)
            for record in self._records.of([(account, suffix) for suffix in suffixes[first : first + _CHUNK]])
            if record and record.state is not TokenState.REFUSED
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
