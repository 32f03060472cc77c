"""The events of a stream by their numbers: what sealing and exporting read, from the oldest on."""

from sas_service.adapters.redis.event_text import served_all, stored_words
from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.server import Server
from sas_service.adapters.redis.words import Words
from sas_service.domain.audit import AuditEvent


class RedisEventStreams:
    """The port ``EventStreams``."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._words = Words(server)

    def last(self, stream: str) -> int:
        """Return the number of the newest event, 0 before the first."""
        return max(0, self.floor(stream))

    def floor(self, stream: str) -> int:
        """Return the same, and -1 where the stream is not there at all (``Server.begin``)."""
        (seq,) = self._server.read(("GET", Keys(stream).last_seq))
        return -1 if seq is None else int(seq)

    def after(self, stream: str, seq: int, limit: int) -> tuple[AuditEvent, ...]:
        """Return up to ``limit`` events whose numbers are greater than ``seq``, the oldest first."""
        (entries,) = self._server.read(("XRANGE", Keys(stream).events, f"{seq + 1}-0", "+", "COUNT", limit))
        numbers, stored = [int(entry.partition("-")[0]) for entry, _ in entries], [fields["e"] for _, fields in entries]
        words = self._words.of(stream, (name for text in stored for name in stored_words(text)))
        texts = served_all(stream, numbers, stored, words)
        return tuple(AuditEvent(stream, number, text) for number, text in zip(numbers, texts, strict=True))
