"""Reserving a token: everything that may speak against it is checked in one script, the Idempotency-Key included."""

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sas_service.adapters.record_changes import Verdict, verdict_on
from sas_service.adapters.redis.budgets import budget_words, count_budget
from sas_service.adapters.redis.event_text import EventText, written
from sas_service.adapters.redis.instants import milliseconds, milliseconds_of
from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.record_text import record_text
from sas_service.adapters.redis.records import Records
from sas_service.adapters.redis.server import Script, Server
from sas_service.adapters.redis.token_lists import slot_of
from sas_service.domain.budgets import over_budget
from sas_service.domain.errors import (
    AccountLocked,
    ClockSkew,
    EpochMoved,
    IdempotencyKeyReused,
    RequestInProgress,
    SasServiceError,
    Suspended,
    TokenSuperseded,
)
from sas_service.domain.tokens import TokenRecord, TokenState
from sas_service.ports import Replay, Reservation, Reserved

IDEMPOTENCY_LIFETIME = timedelta(hours=24)
_POLL = timedelta(seconds=1)
_ATTEMPTS = 5
_RESERVE = Script("events", "budget_spend", "reserve")
RESERVE_KEYS, RESERVE_WORDS = 10, 22
"""How many keys and arguments lua/reserve.lua has of its own, before those of its event."""
_SUSPENDABLE = ("team", "client", "profile")


@dataclass(frozen=True, slots=True)
class _Earlier:
    """What stands behind an Idempotency-Key, and what it means; the script compares it before it believes us."""

    verdict: Verdict = Verdict.NO_KEY
    seen: str = ""
    suffix: str = ""
    text: str = ""
    record: TokenRecord | None = None

    @property
    def epoch(self) -> str:
        """The epoch that the earlier token was reserved in."""
        return str(self.record.grant.epoch) if self.record else ""


@dataclass(frozen=True, slots=True)
class Call:
    """A reservation as lua/reserve.lua is told of it, and what stood behind its Idempotency-Key."""

    reservation: Reservation
    earlier: _Earlier
    keys: tuple[str, ...]
    words: tuple[str | int, ...]


class Reservations:
    """The first write of each token."""

    def __init__(self, server: Server, *, max_clock_skew: timedelta) -> None:
        self._server = server
        self._records = Records(server)
        self._skew = milliseconds_of(max_clock_skew)

    def reserve(self, reservation: Reservation) -> Reserved | Replay:
        """Do what ``AuditLog.reserve`` promises."""
        for _ in range(_ATTEMPTS):
            call = self.call(reservation)
            answer: list[Any] = self._server.run(_RESERVE, call.keys, call.words)
            if not self._is_to_be_repeated(call, answer):
                return _outcome(call, answer)
        # Somebody else with the same key is quicker each time, so his request is running.
        raise _in_progress()

    def outcome(self, call: Call, answer: list[Any]) -> Reserved | Replay:
        """Return what the answer of lua/reserve.lua to ``call`` means, or reserve anew if it is to be repeated."""
        if self._is_to_be_repeated(call, answer):
            return self.reserve(call.reservation)
        return _outcome(call, answer)

    def _is_to_be_repeated(self, call: Call, answer: list[Any]) -> bool:
        """Tell whether the script wants to be asked again, and see to what it misses."""
        if answer[0] == "UNCOUNTED":
            count_budget(self._server, call.reservation.record.grant, call.reservation.record.issued_at)
        return answer[0] in {"UNCOUNTED", "CHANGED"}

    def _earlier(self, keys: Keys, reservation: Reservation) -> _Earlier:
        idempotency = reservation.idempotency
        if idempotency is None:
            return _Earlier()
        (seen,) = self._server.read(("GET", keys.idempotency(idempotency.key)))
        if not seen:
            return _Earlier(Verdict.ANEW)
        remembered = json.loads(seen)
        suffix = remembered["token"]
        (text,) = self._server.read(("GET", keys.token(suffix)))
        record = self._records.read(keys.name, suffix, text) if text else None
        if remembered["body"] != idempotency.body:
            verdict = Verdict.REUSED
        else:
            verdict = verdict_on(record, reservation.record.issued_at)
        return _Earlier(verdict, seen, suffix, text or "", record)

    def call(self, reservation: Reservation) -> Call:
        """Return what the script is to be told, after a look behind the Idempotency-Key."""
        record, idempotency = reservation.record, reservation.idempotency
        keys = Keys(record.grant.account)
        earlier = self._earlier(keys, reservation)
        suffix, slot = record.id.rpartition(".")[2], slot_of(record)
        layout = self._server.layout
        reserved = record if record.state is TokenState.RESERVED else replace(record, state=TokenState.RESERVED)
        text = record_text(reserved, layout)
        event = EventText.of(reservation.event, text.words)
        # Without an Idempotency-Key the two last names are not used; they only have to be of the same hash tag.
        names = (
            *(keys.token(suffix), keys.open_reservations, keys.slots, keys.suspended),
            *(keys.slot(slot), keys.slots_used),
            *(keys.idempotency(idempotency.key if idempotency else "-"), keys.token(earlier.suffix or suffix)),
            *(keys.budget(record.grant.profile), keys.budgets),
            *event.keys(keys),
        )
        remember = json.dumps({"token": suffix, "body": idempotency.body}) if idempotency else ""
        words: tuple[str | int, ...] = (
            *(suffix, text.text, milliseconds(reservation.deadline), record.grant.epoch),
            *(slot, milliseconds(record.grant.expiry), milliseconds(record.issued_at), self._skew),
            *_suspendable(record),
            *(earlier.verdict.value, earlier.seen, earlier.text, earlier.epoch),
            *(remember, milliseconds_of(IDEMPOTENCY_LIFETIME)),
            *budget_words(reservation),
            *event.words(keys, layout),
        )
        return Call(reservation, earlier, names, words)


def _suspendable(record: TokenRecord) -> tuple[str, str, str]:
    client = record.caller.get("applicationId", "")
    return f"team:{record.grant.team}", f"client:{client}", f"profile:{record.grant.profile}"


def _outcome(call: Call, answer: list[Any]) -> Reserved | Replay:
    reservation, earlier = call.reservation, call.earlier
    match answer:
        case ["RESERVED", event, overdrawn]:
            return Reserved(written(Keys(reservation.record.grant.account), event), bool(overdrawn))
        case ["BUDGET", tokens, rate] if reservation.budget:
            raise over_budget(reservation.budget, reservation.record.grant, int(tokens), int(rate))
        case ["STANDS"]:
            return Reserved(())
        case ["REPLAY"] if earlier.record:
            return Replay(earlier.record)
        case ["SUPERSEDED"] if earlier.record:
            replacement = earlier.record.replaced_by or earlier.record.id
            raise TokenSuperseded("The token of this Idempotency-Key was superseded.", replacement=replacement)
        case ["SUSPENDED", which]:
            kind = _SUSPENDABLE[int(which) - 1]
            raise Suspended(f"The {kind} is suspended.", kind=kind)
    raise _refusal(answer[0])


def _refusal(word: str) -> SasServiceError:
    match word:
        case Verdict.REUSED:
            return IdempotencyKeyReused("This Idempotency-Key was used with another body.")
        case Verdict.RUNNING:
            return _in_progress()
        case "LOCKED":
            return AccountLocked("The account is locked down: nothing is issued for it.")
        case "SKEW":
            return ClockSkew("Our clock and the audit log's differ too much.")
    return EpochMoved("The account's slot was switched meanwhile.")


def _in_progress() -> RequestInProgress:
    return RequestInProgress("The first request with this Idempotency-Key has not finished.", retry_after=_POLL)
