"""Expiries: each slot's deadlines are read on from a mark, which moves in the script that writes the event."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sas_service.adapters.redis.event_text import EventText, written
from sas_service.adapters.redis.instants import milliseconds
from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.records import Records
from sas_service.adapters.redis.server import Script, Server
from sas_service.adapters.redis.token_lists import slot_of
from sas_service.domain.audit import AuditEvent, EventDraft
from sas_service.domain.tokens import TokenRecord, TokenState

_EXPIRE = Script("events", "written_before", "expire")


class RedisExpiries:
    """The port ``Expiries``."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._records = Records(server)

    def due(self, account: str, now: datetime, limit: int) -> tuple[TokenRecord, ...]:
        """Do what ``Expiries.due`` promises, in three round trips and two for each slot."""
        keys = Keys(account)
        slots, marks = self._server.read(("SMEMBERS", keys.slots_used), ("HGETALL", keys.expired))
        found = [
            suffix for slot in sorted(slots) for suffix in self._following(keys, slot, marks.get(slot), now, limit)
        ]
        records = [each for each in self._records.of([(account, suffix) for suffix in found]) if each]
        return tuple(_before_reservations(records))

    def _following(self, keys: Keys, slot: str, mark: str | None, now: datetime, limit: int) -> list[str]:
        """Return the suffixes that come after the mark; many tokens may expire in the same second."""
        index, until = keys.slot(slot), milliseconds(now)
        ms, _, last = (mark or "0 ").partition(" ")
        rank, count = self._server.read(("ZRANK", index, last), ("ZCOUNT", index, "-inf", until))
        # The one that was marked may be gone for its age: then all that is left of its second is looked at again.
        first = rank + 1 if rank is not None else self._server.read(("ZCOUNT", index, "-inf", f"({ms}"))[0]
        if first >= count:
            return []
        (suffixes,) = self._server.read(("ZRANGE", index, first, min(first + limit, count) - 1))
        return list(suffixes)

    def expire(self, expired: Sequence[tuple[TokenRecord, EventDraft]]) -> tuple[AuditEvent, ...]:
        """Do what ``Expiries.expire`` promises, in one round trip."""
        answers = self._server.run_all(_EXPIRE, [self._call(*each) for each in expired]) if expired else []
        return tuple(
            event
            for (record, _), answer in zip(expired, answers, strict=True)
            for event in written(Keys(record.grant.account), answer[1] if answer[0] == "DONE" else None)
        )

    def _call(self, record: TokenRecord, event: EventDraft) -> tuple[tuple[str, ...], tuple[str | int, ...]]:
        keys, told, suffix = Keys(record.grant.account), EventText.of(event), record.id.rpartition(".")[2]
        words = (slot_of(record), milliseconds(record.grant.expiry), suffix, f'"kind":"{event.kind}",')
        return (keys.expired, *told.keys(keys)), (*words, *told.words(keys, self._server.layout))


def _before_reservations(records: Sequence[TokenRecord]) -> Iterator[TokenRecord]:
    """Yield the tokens of each slot up to the first that may still become one: the mark would leave it behind."""
    held = set()
    for record in records:
        if record.state is TokenState.RESERVED:
            held.add(slot_of(record))
        elif record.state is not TokenState.REFUSED and slot_of(record) not in held:
            yield record
