"""Acknowledgements: one hash per account, in which the first word for a token stands until it is needed no more."""

import json
from collections.abc import Mapping
from datetime import datetime

from sas_service.adapters.redis.instants import milliseconds
from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.server import Script, Server
from sas_service.domain.consumers import Acknowledgement, Consumer

_ACKNOWLEDGE = Script("acknowledge")


class RedisAcknowledgements:
    """The port ``Acknowledgements``."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def put(self, account: str, acknowledgement: Acknowledgement) -> bool:
        """Remember it durably, and forget a few that are over; returns whether it is new."""
        keys, until = Keys(account), acknowledgement.until
        words = (
            *(acknowledgement.replaced, _write(acknowledgement)),
            *(milliseconds(until) if until else "", milliseconds(acknowledgement.at)),
        )
        names = (keys.acknowledgements, keys.acknowledgements_until)
        return bool(self._server.run_durably(_ACKNOWLEDGE, names, words))

    def get(self, account: str, replaced: str) -> Acknowledgement | None:
        """Return the word for one replaced token, or None."""
        (text,) = self._server.read(("HGET", Keys(account).acknowledgements, replaced))
        return _read(replaced, text) if text else None

    def of(self, account: str) -> Mapping[str, Acknowledgement]:
        """Return replaced token id -> acknowledgement."""
        (stored,) = self._server.read(("HGETALL", Keys(account).acknowledgements))
        return {replaced: _read(replaced, text) for replaced, text in stored.items()}


def _write(word: Acknowledgement) -> str:
    consumer = [word.consumer.team, word.consumer.application, word.consumer.profile]
    until = {"until": word.until.isoformat()} if word.until else {}
    document = {"token": word.token, "fp": word.fingerprint, "consumer": consumer, "at": word.at.isoformat(), **until}
    return json.dumps(document, separators=(",", ":"))


def _read(replaced: str, text: str) -> Acknowledgement:
    document = json.loads(text)
    at, until = datetime.fromisoformat(document["at"]), document.get("until")
    consumer = Consumer(*document["consumer"])
    needed = datetime.fromisoformat(until) if until else None
    return Acknowledgement(replaced, document["token"], document["fp"], consumer, at, needed)
