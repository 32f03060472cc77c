"""Put on record who reads and exports the audit log: the first reading at once, further ones folded per minute."""

from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256

from sas_service.domain.audit import Denial, EventDraft, EventKind
from sas_service.domain.callers import Caller
from sas_service.domain.errors import MirrorUnavailable
from sas_service.ports import AuditLog, AuditMirror, Clock


class NotingReaders:
    """Folds as denials do, by caller and operation, so that nobody can fill the log by reading it."""

    def __init__(self, *, audit_log: AuditLog, mirror: AuditMirror, clock: Clock) -> None:
        self._audit_log = audit_log
        self._mirror = mirror
        self._clock = clock

    def note(
        self,
        kind: EventKind,
        caller: Caller,
        *,
        operation: str,
        request_id: str,
        asked: Mapping[str, str],
        about: str | None = None,
    ) -> None:
        """Write that ``caller`` has read or exported; ``about`` is the token that it was about, if it was one.

        Raises AuditLogUnavailable: what cannot be recorded is not shown. A mirror that is away is no reason; it gets
        the event later, from the log.
        """
        draft = EventDraft(
            kind,
            self._clock.now(),
            caller=caller.document(),
            request_id=request_id,
            details={"operation": operation, "asked": dict(asked) or None, "about": about},
        )
        fold = sha256("\n".join([kind.value, caller.key, operation, about or ""]).encode()).hexdigest()
        events = self._audit_log.deny(Denial(draft, fold))
        with suppress(MirrorUnavailable):
            self._mirror.append(events, sync=False)
