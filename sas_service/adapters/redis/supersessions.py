"""What a commit changes about the token that it replaces: judged here, believed by the script if still true."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sas_service.adapters.record_changes import superseded
from sas_service.adapters.redis.event_text import EventText
from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.record_text import record_text
from sas_service.adapters.redis.records import Records
from sas_service.adapters.redis.server import Server
from sas_service.domain.audit import EventDraft
from sas_service.domain.errors import RecordConflict
from sas_service.domain.token_events import replaced
from sas_service.domain.tokens import TokenRecord


class Verdict(StrEnum):
    """Whether the commit replaces a token, and whether it may."""

    NOTHING = ""
    REPLACES = "REPLACES"
    CONFLICT = "CONFLICT"


@dataclass(frozen=True, slots=True)
class Supersession:
    """A verdict and the record that it was made of: its suffix, its text as seen and as it is to be.

    ``event`` has the arguments of what its own chain is told; ``pieces`` is what both texts need of the dictionary.
    """

    verdict: Verdict = Verdict.NOTHING
    suffix: str = ""
    seen: str = ""
    changed: str = ""
    event: tuple[str, ...] = ("", "", "", "")
    pieces: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, server: Server, keys: Keys, live: TokenRecord, issued: EventDraft) -> "Supersession":
        """Read what ``live``, about which ``issued`` is, replaces, and what replaces that until now."""
        if not live.replaces:
            return cls()
        stored, suffix, seen = _read(server, keys, live.replaces)
        earlier = _read(server, keys, stored.replaced_by)[0] if stored and stored.replaced_by else None
        try:
            old = superseded(stored, earlier, live)
        except RecordConflict:
            return cls(Verdict.CONFLICT, suffix, seen)
        changed, told = record_text(old, server.layout), EventText.of(replaced(old, issued))
        pieces = {**changed.words, **told.packed(server.layout)[1]}
        words = told.words_of_second(keys, server.layout)
        return cls(Verdict.REPLACES, suffix, seen, changed.text, words, pieces)

    def heads(self, keys: Keys) -> str:
        """Return the hash that has the head of its chain; some other of the account's if nothing is replaced."""
        return keys.token_head(self.suffix or "-")[0]

    def words(self) -> tuple[str, ...]:
        """Return the seven arguments that ``commit`` reads."""
        return self.verdict.value, self.seen, self.changed, *self.event


def _read(server: Server, keys: Keys, token_id: str) -> tuple[TokenRecord | None, str, str]:
    suffix = token_id.removeprefix(f"{keys.name}.")
    (text,) = server.read(("GET", keys.token(suffix)))
    return (Records(server).read(keys.name, suffix, text) if text else None), suffix, text or ""
