"""Denials, folded: the first of its kind is an event at once, equal ones become one event per minute with a count."""

import hashlib
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from sas_service.adapters.redis.event_text import NO_EVENT, EventText, written
from sas_service.adapters.redis.instants import milliseconds, milliseconds_of
from sas_service.adapters.redis.keys import STREAMS, Keys
from sas_service.adapters.redis.server import Script, Server
from sas_service.domain.audit import AuditEvent, Denial
from sas_service.domain.errors import AuditLogUnavailable

WINDOW = timedelta(minutes=1)
MOST_FOLDS = 10_000
"""How many different denials of a stream are told apart at a time; beyond it, all new ones fold into one."""

_DENY = Script("events", "deny")
_UNFOLD = Script("events", "unfold")
_WINDOW_MS = milliseconds_of(WINDOW)
_SWEPT_PER_DENIAL = 2
_SWEPT_PER_FLUSH = 500


class Denials:
    """Counts equal denials and writes them when their minute is over."""

    def __init__(self, server: Server, *, most_folds: int = MOST_FOLDS) -> None:
        self._server = server
        self._most_folds = most_folds
        self._announced: set[str] = set()

    def deny(self, denial: Denial) -> tuple[AuditEvent, ...]:
        """Do what ``AuditLog.deny`` promises; also ends a few minutes that are over, so that folds never pile up."""
        keys, event = Keys(denial.draft.stream), EventText.of(denial.draft)
        self._announce(keys)
        digest = hashlib.sha256(denial.fold_key.encode()).hexdigest()[:32]
        now = milliseconds(denial.draft.at)
        answer = self._server.run(
            _DENY,
            (keys.folds_due, keys.folds, *event.keys(keys)),
            (digest, now, _WINDOW_MS, self._most_folds, *event.words(keys, self._server.layout)),
        )
        if not answer:
            return ()
        return (*written(keys, answer[0]), *self._sweep(keys, now, _SWEPT_PER_DENIAL))

    def flush(self, now: datetime) -> tuple[AuditEvent, ...]:
        """Do what ``AuditLog.flush_denials`` promises, for at most 500 folds of each stream."""
        (streams,) = self._server.read(("SMEMBERS", STREAMS))
        found: list[AuditEvent] = []
        failures: list[AuditLogUnavailable] = []
        for stream in sorted(streams):
            try:
                found += self._sweep(Keys(stream), milliseconds(now), _SWEPT_PER_FLUSH)
            except AuditLogUnavailable as error:
                failures.append(error)
        # What is due stays due. But what was written has to reach the mirror: then the failure is told next time.
        if failures and not found:
            raise failures[0]
        return tuple(found)

    def _announce(self, keys: Keys) -> None:
        """Tell the worker where folds may be; the set lies in another cluster slot, so no script can do it."""
        if keys.name not in self._announced:
            # Of a cluster, the part with the set may be away and the stream's own serve: the next denial tries again.
            with suppress(AuditLogUnavailable):
                self._server.read(("SADD", STREAMS, keys.name))
                self._announced.add(keys.name)

    def _sweep(self, keys: Keys, now: int, most: int) -> tuple[AuditEvent, ...]:
        (due,) = self._server.read(("ZRANGEBYSCORE", keys.folds_due, "-inf", now, "LIMIT", 0, most))
        if not due:
            return ()
        (newest,) = self._server.read(("HMGET", keys.folds, *(f"d:{digest}" for digest in due)))
        return tuple(
            event for digest, text in zip(due, newest, strict=True) for event in self._unfold(keys, digest, text, now)
        )

    def _unfold(self, keys: Keys, digest: str, text: str | None, now: int) -> tuple[AuditEvent, ...]:
        # Nothing was counted: the script forgets the fold and writes no event.
        event = EventText.read(text) if text else NO_EVENT
        answer: list[Any] = self._server.run(
            _UNFOLD,
            (keys.folds_due, keys.folds, *event.keys(keys)),
            (digest, now, _WINDOW_MS, *event.words(keys, self._server.layout)),
        )
        return written(keys, answer[0]) if answer else ()
