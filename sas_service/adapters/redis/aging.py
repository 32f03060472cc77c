"""Taking away what is old: a token with everything that leads to it, and the beginning of a stream with its chains.

Tokens go first: a crash before their events are gone leaves the events, which name them for the next attempt.
"""

import json
import re
from collections.abc import Sequence

from sas_service.adapters.redis.askers import Asker
from sas_service.adapters.redis.event_text import EventText
from sas_service.adapters.redis.failures import unavailable
from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.lifetimes import lifetime_class
from sas_service.adapters.redis.records import Records
from sas_service.adapters.redis.server import Script, Server
from sas_service.adapters.redis.token_lists import pair_of, slot_of
from sas_service.adapters.redis.words import packed
from sas_service.domain.audit import AuditEvent
from sas_service.domain.tokens import TokenRecord

_TOKEN, _EVENTS = Script("forget_token"), Script("forget_events")
_AT_ONCE = 100
"""How many one round trip takes away; the script of as many events holds the server for about a millisecond."""

_ATTEMPTS = 8
_CALLER = '{"tenantId":'
_FINGERPRINT = re.compile(r"[0-9a-f]{64}", re.ASCII)
Call = tuple[tuple[str, ...], tuple[str | int, ...]]


class RedisAging:
    """The port ``Aging``."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._records = Records(server)

    def remove(self, stream: str, events: Sequence[AuditEvent], tokens: Sequence[str]) -> None:
        """Take these records and then these events away, a hundred at a time; safe to repeat."""
        keys = Keys(stream)
        self._check_beginning(keys, events)
        for first in range(0, len(tokens), _AT_ONCE):
            self._forget_tokens(keys, [token.rpartition(".")[2] for token in tokens[first : first + _AT_ONCE]])
        for first in range(0, len(events), _AT_ONCE):
            names, words = _events_call(keys, events[first : first + _AT_ONCE])
            if self._server.run(_EVENTS, names, words) == "LATER":
                raise _not_the_beginning()

    def _check_beginning(self, keys: Keys, events: Sequence[AuditEvent]) -> None:
        (entries,) = self._server.read(("XRANGE", keys.events, "-", "+", "COUNT", 1))
        if events and entries and int(entries[0][0].partition("-")[0]) < events[0].seq:
            raise _not_the_beginning()

    def _forget_tokens(self, keys: Keys, suffixes: Sequence[str]) -> None:
        left = list(suffixes)
        for _ in range(_ATTEMPTS):
            texts = self._server.read(*(("GET", keys.token(suffix)) for suffix in left))
            records = self._records.read_all(keys.name, left, texts)
            calls = [
                _token_call(keys, record, str(text)) for record, text in zip(records, texts, strict=True) if record
            ]
            answers = self._server.run_all(_TOKEN, calls)
            if "OPEN" in answers:
                raise ValueError("an open reservation is not removed")
            left = [str(words[0]) for (_, words), answer in zip(calls, answers, strict=True) if answer == "CHANGED"]
            if not left:
                return
        raise unavailable("has records that are being changed by others all the time")


def _token_call(keys: Keys, record: TokenRecord, text: str) -> Call:
    suffix, who = record.id.rpartition(".")[2], Asker.of(record)
    slot, pair, lifetime = slot_of(record), pair_of(record), lifetime_class(record)
    prints = [keys.fingerprint(each) for each in record.fingerprints]
    names = (
        *(keys.token(suffix), keys.open_reservations, keys.slot(slot), keys.slots_used),
        *(keys.issued_as(pair), keys.issued_pairs, keys.issued_for(lifetime), keys.lifetimes),
        *(keys.issued_to_application(who.application, for_itself=who.for_itself), keys.applications),
        *(keys.issued_to_object(who.object_id), keys.issued, keys.acknowledgements, keys.acknowledgements_until),
        *(bucket for bucket, _, _ in prints),
    )
    leads = who.object_id if who.for_itself else ""
    words: tuple[str | int, ...] = (
        *(suffix, text, slot, pair, lifetime, leads, who.application, record.id),
        *(field for _, *fields in prints for field in fields),
    )
    return names, words


def _events_call(keys: Keys, events: Sequence[AuditEvent]) -> Call:
    chains: dict[tuple[str, str], int] = {}
    callers: dict[str, tuple[str, str]] = {}
    prints: list[tuple[tuple[str, str, str], str]] = []
    for event in events:
        told = EventText.read(event.text)
        chains.update(dict.fromkeys(told.heads(keys), event.seq))
        if told.object_id:
            callers.update(dict.fromkeys(_callers_in(event.text), (keys.user_head(told.object_id), told.object_id)))
        # A record names its newest fingerprints alone, and its events name each.
        found = json.loads(event.text).get("fingerprint")
        if told.token and isinstance(found, str) and _FINGERPRINT.fullmatch(found):
            prints.append((keys.fingerprint(found), told.token.rpartition(".")[2]))
    places = {chain: place for place, chain in enumerate(chains)}
    names = (
        *(keys.events, keys.late, keys.words),
        *(key for key, _ in chains),
        *(bucket for (bucket, _, _), _ in prints),
    )
    words = (
        *(events[0].seq, events[-1].seq, len(chains)),
        *(word for (_, name), seq in chains.items() for word in (name, seq)),
        *(len(callers), *(word for name, chain in callers.items() for word in (name, places[chain]))),
        *(word for (_, *fields), suffix in prints for word in (*fields, suffix)),
    )
    return names, words


def _callers_in(text: str) -> list[str]:
    """Return the name of the caller's piece, if the event has one."""
    return [name for name, piece in packed(text)[1].items() if piece.startswith(_CALLER)]


def _not_the_beginning() -> ValueError:
    return ValueError("events are removed from the beginning of a stream")
