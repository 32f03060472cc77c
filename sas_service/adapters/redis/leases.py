"""Leases and their fences: given out by the server's own time, so that no process's clock decides who may act."""

from datetime import datetime

from sas_service.adapters.redis.instants import milliseconds_of
from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.server import Script, Server
from sas_service.ports import Lease

_TAKE = Script("fences", "take_lease")
_RELEASE = Script("release_lease")


class RedisLeases:
    """The port ``Leases``; ``holder`` is unique per start of a process."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def take(self, account: str, holder: str, *, until: datetime, now: datetime) -> Lease | None:
        """Return a lease of the length from ``now`` to ``until``, or None while somebody else has it.

        The server counts the length from later on than the holder does: the holder stops first.
        """
        # Durably: a fence that a restart forgets could be given to somebody else.
        fence: str = self._server.run_durably(
            _TAKE, (Keys(account).lease,), (holder, max(milliseconds_of(until - now), 0))
        )
        return Lease(account, holder, int(fence), until) if fence else None

    def release(self, lease: Lease) -> None:
        """Give it back if it is the newest; the fence stays used."""
        self._server.run(_RELEASE, (Keys(lease.account).lease,), (lease.fence,))
