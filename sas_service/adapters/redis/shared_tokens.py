"""Shared tokens in Redis: the sealed current one of each name, the flight that brings the next, and the tallies."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sas_service.adapters.redis.event_text import EventText, written
from sas_service.adapters.redis.instants import EPOCH, milliseconds, milliseconds_of
from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.record_text import opened, read_record, write_record
from sas_service.adapters.redis.server import Script, Server
from sas_service.domain.audit import AuditEvent, EventDraft, EventKind
from sas_service.domain.callers import Caller
from sas_service.domain.errors import EpochMoved, LeaseLost, Suspended
from sas_service.domain.windows import Schedule
from sas_service.ports import Current, Flight, HandOut, NoneCurrent, Shared, SharedName, Wait

MINUTE = timedelta(minutes=1)
GRACE = timedelta(seconds=5)
"""How long after its end a minute is folded: processes whose clocks are a little slow still count in it."""

_MINUTE = milliseconds_of(MINUTE)
_HAND_OUT = Script("hand_out")
_TAKE = Script("fences", "take_flight")
_PUT = Script("put_shared")
_REST = Script("fences", "rest_flight")
_END = Script("end_generation")
_FOLD = Script("events", "fold_tally")
_SUSPENDABLE = ("team", "client", "profile")
_CALLER_MEMBERS = ("tenantId", "objectId", "applicationId", "kind")


class RedisSharedTokens:
    """The port ``SharedTokens``."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def hand_out(self, wish: HandOut) -> Current | NoneCurrent:
        """Return the current token for a caller and count it; one script. Raises Suspended."""
        name, now = wish.name, milliseconds(wish.now)
        minute = now // _MINUTE
        own, of_minute, tallied = _hand_out_keys(name, minute)
        suspendable, who = _asking(name, wish.caller)
        answer: list[Any] = self._server.run(
            _HAND_OUT,
            (*own, of_minute, tallied),
            (*suspendable, now, _suffix(wish.known), _suffix(wish.after), minute, who),
        )
        match answer:
            case ["SAME"]:
                return Current(None)
            case ["CURRENT", fields]:
                return Current(_read(name.account, fields))
            case ["NONE", seen]:
                return NoneCurrent(_id(name.account, seen))
            case ["NONE", seen, issued]:
                return NoneCurrent(_id(name.account, seen), _instant(issued))
        kind = _SUSPENDABLE[int(answer[1]) - 1]
        raise Suspended(f"The {kind} is suspended.", kind=kind)

    def peek(self, name: SharedName) -> tuple[str, datetime] | None:
        """Return id and time of refresh of the token that lies there, if it was ever handed out."""
        key = Keys(name.account).shared(*_parts(name))
        ((suffix, refresh, used),) = self._server.read(("HMGET", key, "id", "refresh", "used"))
        return (_id(name.account, suffix), _instant(refresh)) if used else None

    def take_flight(self, name: SharedName, holder: str, *, seen: str, lasts: timedelta) -> Flight | Wait | None:
        """Return the right to make the next token; the server's clock counts how long it lasts."""
        keys = Keys(name.account)
        answer: list[str] = self._server.run(
            _TAKE,
            (keys.shared_flight(*_parts(name)), keys.shared(*_parts(name)), keys.slots),
            (holder, milliseconds_of(lasts), _suffix(seen)),
        )
        match answer:
            case ["TAKEN", fence]:
                return Flight(name, int(fence))
            case ["CHANGED"]:
                return None
        return Wait(timedelta(milliseconds=int(answer[1])), rests=answer[0] == "RESTS")

    def put(self, flight: Flight, shared: Shared) -> None:
        """Make a token the current one and end the flight. Raises LeaseLost, EpochMoved."""
        keys, names = Keys(flight.name.account), _parts(flight.name)
        last = milliseconds(shared.schedule.last)
        # Not durably: a token that is lost with its server is made anew, and both are on record.
        answer = self._server.run(
            _PUT,
            (keys.shared_flight(*names), keys.shared(*names), keys.slots),
            (flight.fence, shared.record.grant.epoch, last, *_fields(shared)),
        )
        if answer == "LEASE":
            raise LeaseLost("Another process has made the shared token meanwhile.")
        if answer == "EPOCH":
            raise EpochMoved("The account's slot was switched, or its key made anew, meanwhile.")

    def end_generation(self, account: str) -> None:
        """Hear that the key generation behind the account's current tokens is gone."""
        # Not durably: what is lost with its server is lost with the note that it was done, which is written after it.
        self._server.run(_END, (Keys(account).slots,), ())

    def rest(self, flight: Flight, lasts: timedelta) -> None:
        """End a flight that brought nothing: nobody may try again for ``lasts``."""
        key = Keys(flight.name.account).shared_flight(*_parts(flight.name))
        self._server.run(_REST, (key,), (flight.fence, milliseconds_of(lasts)))

    def fold(self, accounts: Sequence[str], now: datetime) -> tuple[AuditEvent, ...]:
        """Write one event for each token, caller and minute that is over, with the count."""
        closed = (milliseconds(now) - milliseconds_of(GRACE)) // milliseconds_of(MINUTE)
        events: list[AuditEvent] = []
        for keys in map(Keys, accounts):
            (minutes,) = self._server.read(("SMEMBERS", keys.tallied))
            for minute in sorted(int(each) for each in minutes if int(each) < closed):
                (fields,) = self._server.read(("HKEYS", keys.tally(minute)))
                for field in sorted(fields) or [""]:
                    events += self._fold(keys, minute, field)
        return tuple(events)

    def _fold(self, keys: Keys, minute: int, field: str) -> tuple[AuditEvent, ...]:
        event = EventText.of(_handed_out(keys.name, minute, field)) if field else EventText("{}")
        answer: list[Any] = self._server.run(
            _FOLD,
            (keys.tally(minute), keys.tallied, *event.keys(keys)),
            (field, minute, *event.words(keys, self._server.layout)),
        )
        return written(keys, answer[0]) if answer else ()


def _parts(name: SharedName) -> tuple[str, str, str]:
    return name.profile, name.team, name.terms


def _suffix(token_id: str) -> str:
    return token_id.rpartition(".")[2]


def _id(account: str, suffix: str) -> str:
    return f"{account}.{suffix}" if suffix else ""


def _instant(text: str) -> datetime:
    return EPOCH + timedelta(milliseconds=int(text))


@lru_cache(maxsize=256)
def _hand_out_keys(name: SharedName, minute: int) -> tuple[tuple[str, ...], str, str]:
    """Return the keys of a hand-out: the same for all callers of a minute."""
    keys = Keys(name.account)
    return (keys.shared(*_parts(name)), keys.slots, keys.suspended), keys.tally(minute), keys.tallied


@lru_cache(maxsize=10_000)
def _asking(name: SharedName, caller: Caller) -> tuple[tuple[str, str, str], str]:
    """Return what may be suspended, and what the event will say of the caller: as JSON, behind the id of the token."""
    document = caller.document()
    words = (name.team, name.profile, *(document[member] for member in _CALLER_MEMBERS))
    suspendable = (f"team:{name.team}", f"client:{caller.application_id}", f"profile:{name.profile}")
    return suspendable, " " + json.dumps(words, separators=(",", ":"))


def _handed_out(account: str, minute: int, field: str) -> EventDraft:
    suffix, _, who = field.partition(" ")
    team, profile, *caller = json.loads(who)
    return EventDraft(
        kind=EventKind.HANDED_OUT,
        at=EPOCH + minute * MINUTE,
        account=account,
        team=team,
        token=_id(account, suffix),
        caller=dict(zip(_CALLER_MEMBERS, caller, strict=True)),
        details={"profile": profile},
    )


def _fields(shared: Shared) -> tuple[str | int, ...]:
    record = shared.record
    return (
        *("id", _suffix(record.id), "epoch", record.grant.epoch, "issued", milliseconds(record.issued_at)),
        *("record", write_record(record), "client", shared.client_id, "sealed", shared.sealed),
        *("refresh", milliseconds(shared.schedule.refresh), "last", milliseconds(shared.schedule.last)),
    )


def _read(account: str, fields: Sequence[str]) -> Shared:
    suffix, record, client_id, sealed, refresh, last = fields
    schedule = Schedule(_instant(refresh), _instant(last))
    return Shared(read_record(account, suffix, opened(record), {}), client_id, sealed, schedule)
