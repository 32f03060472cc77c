"""Values that are fetched by one thread at a time and shared by all that wait for them."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from sas_service.domain.errors import AzureUnavailable, SasServiceError

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class _Outcome(Generic[V]):
    """What the last fetch brought: a value or an error, and when."""

    at: float
    value: V | None
    error: SasServiceError | None


class FreshValues(Generic[V]):
    """One value per key; ``patience`` bounds in seconds how long a thread waits for another one's fetch."""

    def __init__(self, *, patience: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._monotonic = monotonic
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._outcomes: dict[str, _Outcome[V]] = {}

    def get(self, key: str, max_age: float, fetch: Callable[[], V]) -> V:
        """Return a value at most ``max_age`` seconds old; raises what ``fetch`` raises."""
        asked_at = self._monotonic()
        known = self._good(key, asked_at - max_age)
        if known is not None:
            return known
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        if not lock.acquire(timeout=self._patience):
            raise AzureUnavailable("Azure did not answer in time.", attempts="0", effect="none")
        try:
            shared = self._shared(key, asked_at)
            return self._fetched(key, fetch) if shared is None else shared
        finally:
            lock.release()

    def _good(self, key: str, since: float) -> V | None:
        outcome = self._outcomes.get(key)
        return outcome.value if outcome is not None and outcome.at >= since else None

    def _shared(self, key: str, asked_at: float) -> V | None:
        """Return what another thread fetched while we waited; raises a copy of the error that it met."""
        outcome = self._outcomes.get(key)
        if outcome is None or outcome.at < asked_at:
            return None
        if outcome.error is not None:
            raise _again(outcome.error)
        return outcome.value

    def _fetched(self, key: str, fetch: Callable[[], V]) -> V:
        try:
            value = fetch()
        except SasServiceError as error:
            self._outcomes[key] = _Outcome(self._monotonic(), None, error)
            raise
        self._outcomes[key] = _Outcome(self._monotonic(), value, None)
        return value


def _again(error: SasServiceError) -> SasServiceError:
    """Return an equal error: one that several threads raise would gather all their tracebacks."""
    copy = type(error)(error.detail, retry_after=error.retry_after)
    copy.extra.update(error.extra)
    return copy
