"""Folding of denials in a dictionary."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sas_service.adapters.memory.event_store import EventStore
from sas_service.domain.audit import AuditEvent, Denial, EventDraft

WINDOW = timedelta(minutes=1)
_OVERFLOW = "overflow"


@dataclass(slots=True)
class _Fold:
    due: datetime
    count: int
    newest: EventDraft


class DenialFolds:
    """Counts equal denials; the audit log that owns it holds the lock."""

    def __init__(self, events: EventStore, *, most: int) -> None:
        self._events = events
        self._most = most
        self._folds: dict[tuple[str, str], _Fold] = {}

    def deny(self, denial: Denial) -> tuple[AuditEvent, ...]:
        """Write the first of its kind, count the others until their minute is over."""
        draft, stream = denial.draft, denial.draft.stream
        key = (stream, denial.fold_key)
        if key not in self._folds and sum(name == stream for name, _ in self._folds) >= self._most:
            key = (stream, _OVERFLOW)
        fold = self._folds.get(key)
        if fold and draft.at < fold.due:
            fold.count, fold.newest = fold.count + 1, draft
            return ()
        self._folds[key] = _Fold(draft.at + WINDOW, 0, draft)
        event = self._events.write(draft, count=1 + (fold.count if fold else 0))
        return (event, *self._sweep(draft.at, stream))

    def flush(self, now: datetime) -> tuple[AuditEvent, ...]:
        """Write what was counted in minutes that are over, and forget folds that counted nothing."""
        streams = sorted({stream for stream, _ in self._folds})
        return tuple(event for stream in streams for event in self._sweep(now, stream))

    def _sweep(self, now: datetime, stream: str) -> tuple[AuditEvent, ...]:
        due = {key: fold for key, fold in self._folds.items() if key[0] == stream and fold.due <= now}
        written = []
        for key, fold in sorted(due.items(), key=lambda entry: entry[1].due):
            if not fold.count:
                del self._folds[key]
                continue
            written.append(self._events.write(fold.newest, count=fold.count))
            self._folds[key] = _Fold(now + WINDOW, 0, fold.newest)
        return tuple(written)
