"""Calls Azure a few times within one deadline; the SDK's own retries are off (azure-facts.md, section 6)."""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Generic, TypeVar

from sas_service.adapters.azure.errors import Effect, Failure, failure_of
from sas_service.domain.errors import SasServiceError

_LOG = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: for the whole call, to connect, for one answer; and how often it is sent at most.

    A ``Retry-After`` beyond ``longest_pause`` is passed on to the caller: a thread that sleeps serves nobody.
    """

    deadline: float = 12.0
    connect: float = 3.0
    read: float = 8.0
    sends: int = 3
    shortest_try: float = 0.5
    first_pause: float = 0.2
    longest_pause: float = 2.0


@dataclass(frozen=True, slots=True)
class Timeouts:
    """What one attempt may take of the deadline; the names are the SDK's."""

    connection_timeout: float
    read_timeout: float


@dataclass(frozen=True, slots=True)
class Answered(Generic[T]):
    """An answer, and how many times the call was sent for it."""

    answer: T
    attempts: int


class Attempts:
    """Repeats what is worth repeating: List SAS and reads leave nothing behind at Azure, so a second one is harmless.

    Calls that write go through ``once``. ``jitter`` yields numbers from 0 up to 1, ``pause`` sleeps.
    """

    def __init__(
        self,
        patience: Patience,
        *,
        jitter: Callable[[], float] = random.random,
        pause: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._patience = patience
        self._jitter = jitter
        self._pause = pause
        self._monotonic = monotonic

    def run(self, operation: str, send: Callable[[Timeouts], T | Failure]) -> Answered[T]:
        """Return the first answer; raises AzureUnavailable, AzureThrottled, AzureRefused, IdentityUnavailable."""
        end = self._monotonic() + self._patience.deadline
        effect, attempt = Effect.NONE, 0
        while True:
            attempt += 1
            outcome = self._once(send, end)
            if not isinstance(outcome, Failure):
                return Answered(outcome, attempt)
            effect = Effect.UNKNOWN if Effect.UNKNOWN in {effect, outcome.effect} else Effect.NONE
            _LOG.warning("%s, attempt %d: %s", operation, attempt, outcome.detail)
            wait = self._wait_before_next(outcome, attempt, end)
            if wait is None:
                break
            self._pause(wait)
        # Outside of any except block: an error raised there would carry the SDK's exception as its context.
        raise outcome.raised(attempts=attempt, effect=effect)

    def _once(self, send: Callable[[Timeouts], T | Failure], end: float) -> T | Failure:
        left = max(end - self._monotonic(), self._patience.shortest_try)
        timeouts = Timeouts(min(self._patience.connect, left), min(self._patience.read, left))
        try:
            return send(timeouts)
        except SasServiceError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the SDK raises may quote the answer: none may pass
            return failure_of(error, datetime.now(UTC))

    def _wait_before_next(self, failure: Failure, attempt: int, end: float) -> float | None:
        """Return the pause before the next attempt, or None if there is to be none."""
        if not failure.again or attempt >= self._patience.sends:
            return None
        backoff = self._patience.first_pause * 2 ** (attempt - 1) * (0.5 + self._jitter())
        asked = failure.retry_after.total_seconds() if failure.retry_after else 0.0
        wait = max(backoff, asked)
        fits = self._monotonic() + wait + self._patience.shortest_try <= end
        return wait if fits and wait <= self._patience.longest_pause else None


def once(operation: str, patience: Patience, send: Callable[[Timeouts], T | Failure]) -> T:
    """Send a write a single time, because a lost answer says nothing about its effect; raises what ``run`` raises."""
    return Attempts(replace(patience, sends=1)).run(operation, send).answer
