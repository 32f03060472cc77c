"""What a commit changes about the token that it replaces: judged here, believed by the script if still true."""

from dataclasses import dataclass
from enum import StrEnum

from sas_service.adapters.record_changes import superseded
from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.record_text import read_record, write_record
from sas_service.adapters.redis.server import Server
from sas_service.domain.errors import RecordConflict
from sas_service.domain.tokens import TokenRecord


class Verdict(StrEnum):
    """Whether the commit replaces a token, and whether it may."""

    NOTHING = ""
    REPLACES = "REPLACES"
    CONFLICT = "CONFLICT"


@dataclass(frozen=True, slots=True)
class Supersession:
    """A verdict and the record that it was made of: its suffix, its text as seen and as it is to be."""

    verdict: Verdict = Verdict.NOTHING
    suffix: str = ""
    seen: str = ""
    changed: str = ""

    @classmethod
    def of(cls, server: Server, keys: Keys, live: TokenRecord) -> "Supersession":
        """Read what ``live`` replaces, and what replaces that until now."""
        if not live.replaces:
            return cls()
        stored, suffix, seen = _read(server, keys, live.replaces)
        earlier = _read(server, keys, stored.replaced_by)[0] if stored and stored.replaced_by else None
        try:
            return cls(Verdict.REPLACES, suffix, seen, write_record(superseded(stored, earlier, live)))
        except RecordConflict:
            return cls(Verdict.CONFLICT, suffix, seen)

    def words(self) -> tuple[str, ...]:
        """Return the three arguments that ``commit`` reads."""
        return self.verdict.value, self.seen, self.changed


def _read(server: Server, keys: Keys, token_id: str) -> tuple[TokenRecord | None, str, str]:
    suffix = token_id.removeprefix(f"{keys.name}.")
    (text,) = server.read(("GET", keys.token(suffix)))
    return (read_record(keys.name, suffix, text) if text else None), suffix, text or ""
