"""Putting back what Redis lost: events under their own numbers, and the state that they led to."""

import json
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta

from sas_service.adapters.redis.askers import Asker
from sas_service.adapters.redis.event_text import EventText
from sas_service.adapters.redis.failures import unavailable
from sas_service.adapters.redis.instants import milliseconds, milliseconds_of
from sas_service.adapters.redis.keys import REVOCATIONS, Keys
from sas_service.adapters.redis.lifetimes import lifetime_class
from sas_service.adapters.redis.lockdowns import lockdown_text
from sas_service.adapters.redis.record_text import record_text
from sas_service.adapters.redis.records import Records
from sas_service.adapters.redis.run_text import write_run
from sas_service.adapters.redis.server import Script, Server
from sas_service.adapters.redis.suspensions import suspension_text
from sas_service.adapters.redis.token_lists import slot_of
from sas_service.domain.audit import AuditEvent
from sas_service.domain.errors import AuditLogUnavailable
from sas_service.domain.lockdowns import Lockdown
from sas_service.domain.runs import Revocation
from sas_service.domain.slots import AccountSlots
from sas_service.domain.tokens import TokenRecord, TokenState
from sas_service.ports import Suspension

_RESTORE = Script("events", "restore")
_SLOTS = Script("restore_slots")
_REST = Script("rest_lease")
_RENEW = Script("renew_lock")
_RELEASE = Script("release_lock")
_LOCK_MS = 60_000
_AT_ONCE = 200
_Command = tuple[str | int, ...]


class RedisRepair:
    """The port ``LogRepair``; ``server`` is not guarded, and what is written is durable with the events' last."""

    def __init__(self, server: Server, *, lease: timedelta) -> None:
        self._server = server
        self._records = Records(server)
        self._lease = milliseconds_of(lease)

    @contextmanager
    def alone(self, stream: str) -> Iterator[Callable[[], None]]:
        """Keep other repairs of a stream out."""
        # In the stream's own part of a cluster: what can be reached can be repaired.
        holder, lock = secrets.token_hex(16), Keys(stream).repair_lock
        if self._server.read(("SET", lock, holder, "NX", "PX", _LOCK_MS)) != [True]:
            raise unavailable("is being repaired by somebody else; one that died is forgotten after a minute")

        def go_on() -> None:
            if not self._server.run(_RENEW, (lock,), (holder, _LOCK_MS)):
                raise unavailable("is being repaired by somebody else")

        try:
            yield go_on
        finally:
            with suppress(AuditLogUnavailable):
                self._server.run(_RELEASE, (lock,), (holder,))

    def records(self, account: str, ids: Collection[str]) -> Mapping[str, TokenRecord]:
        """Return the records that the log has of these tokens."""
        prefix, ordered = f"{account}.", sorted(ids)
        found: dict[str, TokenRecord] = {}
        for first in range(0, len(ordered), _AT_ONCE):
            names = [each.removeprefix(prefix) for each in ordered[first : first + _AT_ONCE] if each.startswith(prefix)]
            known = self._records.of([(account, name) for name in names])
            found.update((each.id, each) for each in known if each)
        return found

    def restore_records(self, account: str, records: Collection[TokenRecord], committed: Collection[str]) -> None:
        """Write the records with all their indexes."""
        keys, ordered = Keys(account), sorted(records, key=lambda record: record.id)
        for first in range(0, len(ordered), _AT_ONCE):
            batch = ordered[first : first + _AT_ONCE]
            listed = [each for each in batch if each.state is TokenState.LIVE or each.id in committed]
            leading = self._leading(keys, listed)
            commands = [command for record in batch for command in self._stored(keys, record)]
            commands += [command for record in listed for command in self._listed(keys, record, leading)]
            for profile in sorted({record.grant.profile for record in batch}):
                # What it counted is not so any more: the next reservation counts anew, as with a new budget.
                commands += [
                    ("DEL", keys.budget(profile)),
                    ("HDEL", keys.budgets, profile, f"{profile}:epoch", f"{profile}:counted"),
                ]
            self._server.read(*commands)

    def restore_slots(self, slots: AccountSlots) -> None:
        """Make these the account's slots if its epoch is lower."""
        named = [word for name, identity in sorted(slots.identities.items()) for word in (f"identity:{name}", identity)]
        words = (slots.epoch, "signingKey", slots.signing_key.value, *named)
        self._server.run_durably(_SLOTS, (Keys(slots.account).slots,), words)

    def restore_lockdowns(self, account: str, lockdowns: Collection[Lockdown], holding: str | None) -> None:
        """Write the lockdowns, and freeze the account for the one that holds it."""
        keys = Keys(account)
        frozen: _Command = ("HSET", keys.slots, "frozen", holding) if holding else ("HDEL", keys.slots, "frozen")
        self._server.read(*(("HSET", keys.lockdowns, each.id, lockdown_text(each)) for each in lockdowns), frozen)

    def restore_journal(self, account: str, runs: Collection[Revocation], running: str | None) -> None:
        """Write the runs; their names, in another cluster slot, first."""
        keys = Keys(account)
        for run in runs:
            self._server.read(("HSETNX", REVOCATIONS, run.id, account))
        (newest,) = self._server.read(("ZREVRANGE", keys.revocations_order, 0, 0, "WITHSCORES"))  # a name and its score
        last = int(float(newest[1])) if newest else 0
        holds: _Command = ("SET", keys.running_revocation, running) if running else ("DEL", keys.running_revocation)
        self._server.read(
            *(("ZADD", keys.revocations_order, "NX", at, run.id) for at, run in enumerate(runs, last + 1)),
            *(("HSET", keys.revocations, run.id, write_run(run)) for run in runs),
            holds,
        )

    def restore_suspended(self, account: str, suspensions: Collection[Suspension]) -> None:
        """Write into the account's copy, without a version: whatever list there is, it is newer."""
        told = [word for each in suspensions for word in (f"{each.kind}:{each.id}", suspension_text(each))]
        if told:
            self._server.read(("HSET", Keys(account).suspended, *told))

    def restore_events(self, stream: str, events: Sequence[AuditEvent]) -> int:
        """Append events under their own numbers."""
        restored = 0
        for first in range(0, len(events), _AT_ONCE):
            batch = events[first : first + _AT_ONCE]
            calls = [self._event_call(stream, event) for event in batch]
            answers = [*self._server.run_all(_RESTORE, calls[:-1]), self._server.run_durably(_RESTORE, *calls[-1])]
            for event, answer in zip(batch, answers, strict=True):
                restored += _judged(event, answer)
        return restored

    def rest_leases(self, account: str) -> None:
        """Let nobody have the account's lease before one lease has passed."""
        self._server.run_durably(_REST, (Keys(account).lease,), (self._lease,))

    def _event_call(self, stream: str, event: AuditEvent) -> tuple[Sequence[str], Sequence[str | int]]:
        keys = Keys(stream)
        head = f'{{"stream":{json.dumps(stream)},"seq":{event.seq},'
        if not event.text.startswith(head):
            raise unavailable(f"cannot take back event {event.seq} of {stream}: it is not written as the log writes")
        told = EventText.read("{" + event.text[len(head) :])
        return told.keys(keys), (event.seq, *told.words(keys, self._server.layout))

    def _stored(self, keys: Keys, record: TokenRecord) -> Iterator[_Command]:
        """What a record is wherever it stands: its text, whether it is open, its slot, its fingerprints."""
        suffix, grant, text = _suffix(record), record.grant, record_text(record, self._server.layout)
        slot = slot_of(record)
        for name, piece in text.words.items():
            yield ("HSETNX", keys.words, name, piece)
        yield ("SET", keys.token(suffix), text.text)
        if record.state is TokenState.RESERVED:
            yield ("ZADD", keys.open_reservations, milliseconds(record.issued_at), suffix)
        else:
            yield ("ZREM", keys.open_reservations, suffix)
        yield ("SADD", keys.slots_used, slot)
        if record.state is TokenState.REFUSED:
            yield ("ZREM", keys.slot(slot), suffix)
        else:
            yield ("ZADD", keys.slot(slot), milliseconds(grant.expiry), suffix)

    def _listed(self, keys: Keys, record: TokenRecord, leading: Mapping[str, str]) -> Iterator[_Command]:
        """What commit adds to that."""
        suffix, issued, who = _suffix(record), milliseconds(record.issued_at), Asker.of(record)
        pair = json.dumps([record.grant.team, record.grant.profile], separators=(",", ":"))
        lifetime = lifetime_class(record)
        for fingerprint in record.fingerprints:
            bucket, long_field, short_field = keys.fingerprint(fingerprint)
            yield ("HSET", bucket, short_field if self._server.layout > 1 else long_field, suffix)
        yield ("ZADD", keys.issued_as(pair), issued, suffix)
        yield ("SADD", keys.issued_pairs, pair)
        yield ("ZADD", keys.issued_for(lifetime), issued, suffix)
        yield ("SADD", keys.lifetimes, lifetime)
        if who.application:
            own = keys.issued_to_application(who.application, for_itself=who.for_itself)
            yield ("ZADD", own, issued, suffix)
        if who.object_id and not (who.for_itself and leading.get(who.object_id) == who.application):
            yield ("ZADD", keys.issued_to_object(who.object_id), issued, suffix)
        if self._server.layout == 1:
            yield ("ZADD", keys.issued, issued, suffix)

    def _leading(self, keys: Keys, records: Sequence[TokenRecord]) -> Mapping[str, str]:
        """Note which object ids lead to an application's list, and return what stands noted."""
        # Backwards: of several applications with one object id, the first keeps it, as in commit.lua.
        asked = (Asker.of(record) for record in reversed(records))
        asking = {who.object_id: who.application for who in asked if who.for_itself and who.object_id}
        if not asking:
            return {}
        self._server.read(*(("HSETNX", keys.applications, name, led) for name, led in asking.items()))
        (found,) = self._server.read(("HMGET", keys.applications, *asking))
        return dict(zip(asking, found, strict=True))


def _suffix(record: TokenRecord) -> str:
    return record.id.rpartition(".")[2]


def _judged(event: AuditEvent, answer: Sequence[object]) -> int:
    match answer:
        case ["STANDS"]:
            return 0
        case ["DONE", [str(seq), str(text)]] if int(seq) == event.seq and text == event.text:
            return 1
    raise unavailable(f"did not take back event {event.seq} of {event.stream}: something else writes to it")
