"""Trouble on demand: which operation fails next, how, and how often."""

import itertools
import re
import threading
from dataclasses import dataclass, field
from typing import Any

from sas_service.emulator import shapes

KINDS = {
    "status": "answer with `status` (and Retry-After, if `retryAfter` is given) without doing anything",
    "effectThenStatus": "do it, then answer with `status`",
    "timeout": "do nothing and keep silent for `seconds`, then close",
    "effectThenTimeout": "do it and keep silent",
    "reset": "reset the connection without doing anything",
    "effectThenReset": "do it, then reset the connection",
    "halfBody": "do it, send half of the answer, then close",
    "wrongJson": "do it, answer with its status and broken JSON",
    "slowDrip": "do it, send the answer byte by byte over `seconds`",
    "delay": "do it and answer, after `seconds`",
}
_ALIASES = {
    "error": "status",
    "effectthenerror": "effectThenStatus",
    "hang": "timeout",
    "effectthenhang": "effectThenTimeout",
    "drip": "slowDrip",
    "brokenjson": "wrongJson",
    **{kind.lower(): kind for kind in KINDS},
}
_DEFAULT_SECONDS = {"timeout": 300.0, "effectThenTimeout": 300.0, "slowDrip": 5.0, "delay": 1.0}


def _kind(text: str) -> str:
    """Accept half-body, half_body and halfBody alike."""
    plain = re.sub(r"[^a-z]", "", text.lower())
    if plain not in _ALIASES:
        raise shapes.ShapeError(f"fault.kind: {text!r} is not one of {', '.join(KINDS)}")
    return _ALIASES[plain]


@dataclass
class Fault:
    """One planned trouble; `operation` is an operation's name, a service's name, or *."""

    operation: str
    kind: str
    times: int | None = 1
    after: int = 0
    status: int = 500
    retry_after: int | None = None
    code: str | None = None
    seconds: float | None = None
    id: str = ""
    seen: int = field(default=0)

    @property
    def effect(self) -> bool:
        """Whether the operation is carried out at all."""
        return self.kind not in {"status", "timeout", "reset"}

    @property
    def silent(self) -> bool:
        """Whether nothing is done and no answer is sent."""
        return self.kind in {"timeout", "reset"}

    @property
    def duration(self) -> float:
        """How long the slow kinds take, in seconds of the real clock."""
        return self.seconds if self.seconds is not None else _DEFAULT_SECONDS.get(self.kind, 0.0)


class Faults:
    """The planned troubles."""

    def __init__(self, operations: dict[str, set[str]]) -> None:
        self.operations = operations
        known = {"*", *operations, *(name for names in operations.values() for name in names)}
        self._targets = {name.lower(): name for name in known}
        self._lock = threading.Lock()
        self._planned: list[Fault] = []
        self._ids = itertools.count(1)

    def plan(self, document: Any) -> Fault:
        """Add a fault described in JSON."""
        fault = shapes.read(Fault, document, "fault")
        fault.kind, fault.seen = _kind(fault.kind), 0
        target = self._targets.get(fault.operation.lower())
        if target is None:
            # A misspelt name would never strike, and a test would pass for the wrong reason.
            raise shapes.ShapeError(
                f"fault.operation: {fault.operation!r} is not one of {', '.join(self._targets.values())}"
            )
        fault.operation = target
        if fault.times is not None and fault.times <= 0:
            fault.times = None
        with self._lock:
            fault.id = str(next(self._ids))
            self._planned.append(fault)
        return fault

    def take(self, service: str, operation: str) -> Fault | None:
        """Return the fault that strikes this request, if any, and count it down."""
        if not self._planned:
            return None
        with self._lock:
            for fault in self._planned:
                if fault.operation not in {"*", service, operation}:
                    continue
                fault.seen += 1
                if fault.seen <= fault.after:
                    continue
                if fault.times is not None and fault.seen >= fault.after + fault.times:
                    self._planned.remove(fault)
                return fault
        return None

    def planned(self) -> list[dict[str, Any]]:
        """Return what is still planned."""
        with self._lock:
            return [shapes.write(fault) for fault in self._planned]

    def clear(self, *, fault_id: str | None = None, operation: str | None = None) -> int:
        """Forget faults: one, those of an operation, or all; return how many."""
        with self._lock:
            kept = [
                fault
                for fault in self._planned
                if (fault_id and fault.id != fault_id) or (operation and fault.operation != operation)
            ]
            removed = len(self._planned) - len(kept)
            self._planned = kept
        return removed
