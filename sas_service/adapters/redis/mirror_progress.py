"""How far the mirror is known to be complete: a hint that saves comparing the same events again."""

from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.server import Server


class RedisMirrorProgress:
    """The port ``MirrorProgress``."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def read(self, stream: str) -> int:
        """Return the number, 0 if nothing is known."""
        (seq,) = self._server.read(("GET", Keys(stream).mirrored))
        return int(seq or 0)

    def write(self, stream: str, seq: int) -> None:
        """Remember it."""
        self._server.read(("SET", Keys(stream).mirrored, seq))
