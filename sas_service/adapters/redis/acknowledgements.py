"""Acknowledgements: one hash per account, in which the first word for a token stands."""

import json
from collections.abc import Mapping
from datetime import datetime

from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.server import Script, Server
from sas_service.domain.consumers import Acknowledgement, Consumer

_ACKNOWLEDGE = Script("acknowledge")


class RedisAcknowledgements:
    """The port ``Acknowledgements``."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def put(self, account: str, acknowledgement: Acknowledgement) -> bool:
        """Remember it durably; returns whether it is new."""
        words = (acknowledgement.replaced, _write(acknowledgement))
        return bool(self._server.run_durably(_ACKNOWLEDGE, (Keys(account).acknowledgements,), words))

    def of(self, account: str) -> Mapping[str, Acknowledgement]:
        """Return replaced token id -> acknowledgement."""
        (stored,) = self._server.read(("HGETALL", Keys(account).acknowledgements))
        return {replaced: _read(replaced, text) for replaced, text in stored.items()}


def _write(word: Acknowledgement) -> str:
    consumer = [word.consumer.team, word.consumer.application, word.consumer.profile]
    document = {"token": word.token, "fp": word.fingerprint, "consumer": consumer, "at": word.at.isoformat()}
    return json.dumps(document, separators=(",", ":"))


def _read(replaced: str, text: str) -> Acknowledgement:
    document = json.loads(text)
    at = datetime.fromisoformat(document["at"])
    return Acknowledgement(replaced, document["token"], document["fp"], Consumer(*document["consumer"]), at)
