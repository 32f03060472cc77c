"""What happens to a reserved token: commit, redeliver, settle; one script each, safe to repeat."""

import json
from collections.abc import Callable, Sequence

from sas_service.adapters.record_changes import committed, redelivered, settled
from sas_service.adapters.redis.event_text import EventText, written
from sas_service.adapters.redis.instants import milliseconds
from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.record_text import read_record, write_record
from sas_service.adapters.redis.server import Script, Server
from sas_service.adapters.redis.supersessions import Supersession
from sas_service.domain.audit import AuditEvent, EventDraft
from sas_service.domain.errors import EpochMoved, RecordConflict
from sas_service.domain.tokens import Grant, TokenRecord, TokenState

_COMMIT = Script("events", "written_before", "commit")
_REDELIVER = Script("events", "written_before", "redeliver")
_SETTLE = Script("events", "settle")
_ATTEMPTS = 8


class TokenWrites:
    """The writes that follow a reservation."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def commit(self, record: TokenRecord, event: EventDraft) -> tuple[AuditEvent, ...]:
        """Do what ``AuditLog.commit`` promises."""
        live = committed(record)
        keys, suffix, grant = _names(live)
        told = EventText.of(event)
        bucket, field = keys.fingerprint(live.fingerprints[-1])
        pair = json.dumps([grant.team, grant.profile], separators=(",", ":"))
        for _ in range(_ATTEMPTS):
            replaced = Supersession.of(self._server, keys, live)
            answer = self._server.run_durably(
                _COMMIT,
                (
                    *(keys.token(suffix), keys.open_reservations, keys.slots, bucket, keys.issued),
                    *(keys.issued_as(pair), keys.issued_pairs, *told.keys(keys), keys.token(replaced.suffix)),
                ),
                (
                    *(suffix, write_record(live), grant.epoch, field, milliseconds(live.issued_at)),
                    *(f'"kind":"{event.kind}",', pair, *replaced.words(), *told.words(keys)),
                ),
            )
            if answer[0] != "CHANGED":
                return _done(keys, answer)
        raise _busy()

    def redeliver(self, record: TokenRecord, fingerprint: str, event: EventDraft) -> tuple[AuditEvent, ...]:
        """Do what ``AuditLog.redeliver`` promises."""
        keys, suffix, grant = _names(record)
        told = EventText.of(event)
        bucket, field = keys.fingerprint(fingerprint)

        def attempt(expected: str) -> Sequence[object]:
            stored = read_record(keys.name, suffix, expected)
            changed = write_record(redelivered(stored, fingerprint, event.at))
            answer: Sequence[object] = self._server.run_durably(
                _REDELIVER,
                (keys.token(suffix), keys.slots, bucket, *told.keys(keys)),
                (suffix, expected, changed, grant.epoch, field, *told.words(keys)),
            )
            return answer

        return _done(keys, _until_unchanged(write_record(record), attempt))

    def settle(self, record: TokenRecord, state: TokenState, event: EventDraft) -> tuple[AuditEvent, ...]:
        """Do what ``AuditLog.settle`` promises."""
        keys, suffix, grant = _names(record)
        told = EventText.of(event)
        slot = keys.slot(f"{grant.signing_key}|{grant.identity}")

        def attempt(expected: str) -> Sequence[object]:
            changed = settled(read_record(keys.name, suffix, expected), record, state)
            if changed is None:
                return ("DONE", None)
            answer: Sequence[object] = self._server.run(
                _SETTLE,
                (keys.token(suffix), keys.open_reservations, slot, *told.keys(keys)),
                (suffix, expected, write_record(changed), int(state is TokenState.REFUSED), *told.words(keys)),
            )
            return answer

        (stored,) = self._server.read(("GET", keys.token(suffix)))
        # A reservation that was never written, or was lost with its server, leaves nothing to close.
        return _done(keys, _until_unchanged(stored, attempt)) if stored else ()


def _names(record: TokenRecord) -> tuple[Keys, str, Grant]:
    return Keys(record.grant.account), record.id.rpartition(".")[2], record.grant


def _until_unchanged(expected: str, attempt: Callable[[str], Sequence[object]]) -> Sequence[object]:
    """Compare and set: try with what was read, and again with what the script found in its place."""
    for _ in range(_ATTEMPTS):
        match attempt(expected):
            case ["CHANGED", ""]:
                raise RecordConflict("There is no such record.")
            case ["CHANGED", str(stored)]:
                expected = stored
            case answer:
                return answer
    raise _busy()


def _busy() -> RecordConflict:
    return RecordConflict("The record is being changed by others all the time.")


def _done(keys: Keys, answer: Sequence[object]) -> tuple[AuditEvent, ...]:
    match answer:
        case ["DONE", None]:
            return ()
        case ["DONE", [*event]]:
            return written(keys, event)
        case ["EPOCH"]:
            raise EpochMoved("The account's slot was switched meanwhile.")
        case ["REPLACED"]:
            raise RecordConflict("What the token is to replace does not exist, or was replaced meanwhile.")
    raise RecordConflict("There is no such open reservation.")
