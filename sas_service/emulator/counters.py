"""What happened, for tests and people: counts, data-plane results, the bill, and a log without secrets."""

import threading
from collections import Counter, deque
from typing import Any

# Azure Maps does not bill these ("Understand billing transactions"; 408 is from the pricing page).
_FREE = frozenset({401, 403, 408, 429})
_SERVER_ERRORS = 500


class Counters:
    """Thread-safe counts and the request log."""

    def __init__(self, log_size: int = 1000) -> None:
        self._lock = threading.Lock()
        self._log: deque[dict[str, Any]] = deque(maxlen=log_size)
        self.reset()

    def reset(self) -> None:
        """Begin again at zero."""
        with self._lock:
            self._operations: Counter[str] = Counter()
            self._statuses: dict[str, Counter[str]] = {}
            self._data_plane: Counter[str] = Counter()
            self._data_plane_operations: Counter[str] = Counter()
            self._billable_by_account: Counter[str] = Counter()
            self._billable_by_location: Counter[str] = Counter()
            self._log.clear()

    def record(self, service: str, operation: str, status: int, entry: dict[str, Any]) -> None:
        """Count one answered request."""
        with self._lock:
            if service == "dataPlane":
                self._record_data_plane(operation, status, entry)
            else:
                self._operations[operation] += 1
            self._statuses.setdefault(operation, Counter())[str(status)] += 1
            self._log.append(entry)

    def _record_data_plane(self, operation: str, status: int, entry: dict[str, Any]) -> None:
        if operation == "preflight":
            return
        self._data_plane[str(status)] += 1
        self._data_plane_operations[operation] += 1
        if 0 < status < _SERVER_ERRORS and status not in _FREE:
            self._billable_by_account[str(entry.get("account", ""))] += 1
            self._billable_by_location[str(entry.get("location", ""))] += 1

    def snapshot(self) -> dict[str, Any]:
        """Return the counts."""
        with self._lock:
            return {
                "operations": dict(self._operations),
                "statuses": {operation: dict(counts) for operation, counts in self._statuses.items()},
                "dataPlane": dict(self._data_plane),
                "dataPlaneOperations": dict(self._data_plane_operations),
                "billable": self._billable_by_account.total(),
                "billableByAccount": dict(self._billable_by_account),
                "billableByLocation": dict(self._billable_by_location),
            }

    def log(self, limit: int, operation: str | None = None) -> list[dict[str, Any]]:
        """Return the newest requests first."""
        with self._lock:
            entries = list(self._log)
        chosen = [entry for entry in reversed(entries) if operation in {None, entry["operation"], entry["service"]}]
        return chosen[:limit]
