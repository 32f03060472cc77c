"""What happens to a reserved token: commit, redeliver, settle; one script each, safe to repeat."""

from collections.abc import Callable, Sequence
from typing import Any

from sas_service.adapters.record_changes import committed, redelivered, settled
from sas_service.adapters.redis.askers import Asker
from sas_service.adapters.redis.budgets import place
from sas_service.adapters.redis.event_text import EventText, served, stored_words
from sas_service.adapters.redis.instants import milliseconds
from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.lifetimes import lifetime_class
from sas_service.adapters.redis.record_text import record_text
from sas_service.adapters.redis.records import Records
from sas_service.adapters.redis.server import Script, Server
from sas_service.adapters.redis.supersessions import Supersession
from sas_service.adapters.redis.token_lists import pair_of, slot_of
from sas_service.adapters.redis.words import Words
from sas_service.domain.audit import AuditEvent, EventDraft
from sas_service.domain.budgets import weight
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
        self._records = Records(server)
        self._words = Words(server)

    def commit(self, record: TokenRecord, event: EventDraft) -> tuple[AuditEvent, ...]:
        """Do what ``AuditLog.commit`` promises."""
        live = committed(record)
        for _ in range(_ATTEMPTS):
            names, words = self._commit_call(live, event)
            answer = self._server.run_durably(_COMMIT, names, words)
            if answer[0] != "CHANGED":
                return self._done(live, answer)
        raise _busy()

    def _commit_call(self, live: TokenRecord, event: EventDraft) -> tuple[Sequence[str], Sequence[str | int]]:
        keys, suffix, grant = _names(live)
        layout = self._server.layout
        changed, replaced = record_text(live, layout), Supersession.of(self._server, keys, live, event)
        told = EventText.of(event, changed.words, replaced.pieces)
        bucket, long_field, short_field = keys.fingerprint(live.fingerprints[-1])
        pair, lifetime = pair_of(live), lifetime_class(live)
        who = Asker.of(live)
        names = (
            *(keys.token(suffix), keys.open_reservations, keys.slots, bucket, keys.issued_as(pair), keys.issued_pairs),
            *(keys.issued_for(lifetime), keys.lifetimes),
            keys.issued_to_application(who.application, for_itself=who.for_itself),
            *(keys.issued_to_object(who.object_id), keys.applications, keys.issued),
            *(keys.token(replaced.suffix), replaced.heads(keys), *told.keys(keys)),
        )
        words = (
            *(suffix, changed.text, grant.epoch, short_field if layout > 1 else long_field),
            *(milliseconds(live.issued_at), f'"kind":"{event.kind}",', pair, lifetime),
            *(
                who.application,
                who.object_id,
                int(who.for_itself),
                layout,
                *replaced.words(),
                *told.words(keys, layout),
            ),
        )
        return names, words

    def redeliver(self, record: TokenRecord, fingerprint: str, event: EventDraft) -> tuple[AuditEvent, ...]:
        """Do what ``AuditLog.redeliver`` promises."""
        keys, suffix, grant = _names(record)
        layout = self._server.layout
        bucket, long_field, short_field = keys.fingerprint(fingerprint)
        known = record_text(record, layout).text

        def attempt(expected: str) -> Sequence[object]:
            # What the caller knows is tried first: repeated after a lost reply, it finds what it did.
            stored = record if expected == known else self._records.read(keys.name, suffix, expected)
            changed = record_text(redelivered(stored, fingerprint, event.at), layout)
            told = EventText.of(event, changed.words)
            field = short_field if layout > 1 else long_field
            answer: Sequence[object] = self._server.run_durably(
                _REDELIVER,
                (keys.token(suffix), keys.slots, bucket, *told.keys(keys)),
                (suffix, expected, changed.text, grant.epoch, field, *told.words(keys, layout)),
            )
            return answer

        return self._done(record, _until_unchanged(known, attempt))

    def settle(self, record: TokenRecord, state: TokenState, event: EventDraft) -> tuple[AuditEvent, ...]:
        """Do what ``AuditLog.settle`` promises."""
        keys, suffix, grant = _names(record)
        slot = keys.slot(slot_of(record))

        def attempt(expected: str) -> Sequence[object]:
            closed = settled(self._records.read(keys.name, suffix, expected), record, state)
            if closed is None:
                return ("DONE", None)
            changed = record_text(closed, self._server.layout)
            told = EventText.of(event, changed.words)
            answer: Sequence[object] = self._server.run(
                _SETTLE,
                (
                    *(keys.token(suffix), keys.open_reservations, slot, keys.budget(grant.profile), keys.budgets),
                    *told.keys(keys),
                ),
                (
                    *(suffix, expected, changed.text, int(state is TokenState.REFUSED)),
                    *(grant.profile, place(closed), weight(grant)),
                    *told.words(keys, self._server.layout),
                ),
            )
            return answer

        (stored,) = self._server.read(("GET", keys.token(suffix)))
        # A reservation that was never written, or was lost with its server, leaves nothing to close.
        return self._done(record, _until_unchanged(stored, attempt)) if stored else ()

    def _done(self, record: TokenRecord, answer: Sequence[object]) -> tuple[AuditEvent, ...]:
        match answer:
            case ["DONE", *told]:
                return tuple(self._served(record.grant.account, each) for each in told if each)
            case ["EPOCH"]:
                raise EpochMoved("The account's slot was switched meanwhile.")
            case ["REPLACED"]:
                raise RecordConflict("What the token is to replace does not exist, or was replaced meanwhile.")
        raise RecordConflict("There is no such open reservation.")

    def _served(self, account: str, written: Any) -> AuditEvent:
        seq, text = int(written[0]), str(written[1])
        return AuditEvent(account, seq, served(account, seq, text, self._words.of(account, stored_words(text))))


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
