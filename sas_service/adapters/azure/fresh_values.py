"""Values that are fetched by one thread at a time and shared by all that wait for them."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from sas_service.domain.errors import AzureUnavailable, SasServiceError

T = TypeVar("T")
V = TypeVar("V")


@dataclass(slots=True)
class _Known(Generic[V]):
    """What is known under one key: the last value and the last failure, each with its time."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    value: tuple[float, V] | None = None
    failure: tuple[float, SasServiceError] | None = None


class FreshValues(Generic[V]):
    """One value per key; ``patience`` bounds in seconds how long a thread waits for another one's fetch.

    A failure does not displace the last value: whoever is content with an older one still gets it.
    """

    def __init__(self, *, patience: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._monotonic = monotonic
        self._guard = threading.Lock()
        self._known: dict[str, _Known[V]] = {}

    def get(self, key: str, max_age: float, fetch: Callable[[], V], *, failure_age: float = 0.0) -> V:
        """Return a value at most ``max_age`` seconds old; raises what ``fetch`` raises.

        A failure at most ``failure_age`` seconds old is told again without another fetch.
        """
        asked_at = self._monotonic()
        with self._guard:
            known = self._known.setdefault(key, _Known())
        value = _since(known.value, asked_at - max_age)
        if value is not None:
            return value
        if not known.lock.acquire(timeout=self._patience):
            raise AzureUnavailable("Azure did not answer in time.", attempts="0", effect="none")
        try:
            # While we waited, the thread before us may have fetched what we came for, or have failed to.
            value = _since(known.value, asked_at)
            failure = _since(known.failure, asked_at - failure_age)
            if value is not None:
                return value
            if failure is None:
                return self._fetched(known, fetch)
        finally:
            known.lock.release()
        raise _again(failure)

    def _fetched(self, known: _Known[V], fetch: Callable[[], V]) -> V:
        try:
            value = fetch()
        except SasServiceError as error:
            known.failure = (self._monotonic(), error)
            raise
        known.value = (self._monotonic(), value)
        return value


def _since(noted: tuple[float, T] | None, earliest: float) -> T | None:
    return noted[1] if noted is not None and noted[0] >= earliest else None


def _again(error: SasServiceError) -> SasServiceError:
    """Return an equal error: one that several threads raise would gather all their tracebacks."""
    copy = type(error)(error.detail, retry_after=error.retry_after)
    copy.extra.update(error.extra)
    return copy
