"""The roster of accounts: the set of streams in which the worker also looks for denials that are being counted."""

from collections.abc import Collection

from sas_service.adapters.redis.keys import STREAMS
from sas_service.adapters.redis.server import Server
from sas_service.domain.audit import SERVICE_STREAM


class RedisRoster:
    """The port ``Roster``."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def read(self) -> frozenset[str]:
        """Return every account on it."""
        (names,) = self._server.read(("SMEMBERS", STREAMS))
        return frozenset(names) - {SERVICE_STREAM}

    def add(self, accounts: Collection[str]) -> None:
        """Remember these, too; what a server loses of them is added again by the next round."""
        if accounts:
            self._server.read(("SADD", STREAMS, *sorted(accounts)))
