"""What a worker remembers of an account: one hash, each note one JSON text written under the account's fence."""

import json

from sas_service.adapters.redis.failures import unavailable
from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.run_text import read_run, write_run
from sas_service.adapters.redis.server import Script, Server
from sas_service.domain.drift import Known
from sas_service.domain.errors import LeaseLost
from sas_service.domain.runs import Revocation
from sas_service.domain.typed_json import from_json, to_json

_KEEP = Script("keep_note")
_DROP = Script("drop_note")
_KNOWN, _STANDBY = "known", "standby"


class RedisNotes:
    """The port ``AccountNotes``."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def known(self, account: str) -> Known | None:
        """Return what was last known to be right."""
        text = self._read(account, _KNOWN)
        if text is None:
            return None
        try:
            known: Known = from_json(Known, json.loads(text))
        except (AttributeError, KeyError, TypeError, ValueError):
            # ``from None``: the original quotes what is stored.
            raise unavailable("holds a note that this release cannot read") from None
        return known

    def keep_known(self, known: Known, *, fence: int) -> None:
        """Remember it."""
        self._keep(known.account, _KNOWN, json.dumps(to_json(known), separators=(",", ":")), fence)

    def forget_known(self, account: str) -> None:
        """Let the next look take what is there for right."""
        self._server.run_durably(_DROP, (Keys(account).notes,), (_KNOWN,))

    def standby(self, account: str) -> Revocation | None:
        """Return how far the standby's upkeep is."""
        text = self._read(account, _STANDBY)
        return None if text is None else read_run(text)

    def keep_standby(self, upkeep: Revocation, *, fence: int) -> None:
        """Remember it."""
        self._keep(upkeep.account, _STANDBY, write_run(upkeep), fence)

    def _read(self, account: str, field: str) -> str | None:
        (text,) = self._server.read(("HGET", Keys(account).notes, field))
        return text if isinstance(text, str) else None

    def _keep(self, account: str, field: str, text: str, fence: int) -> None:
        keys = Keys(account)
        if self._server.run_durably(_KEEP, (keys.notes, keys.lease), (field, text, fence)) != "DONE":
            raise LeaseLost("Another runner has taken over the account.")
