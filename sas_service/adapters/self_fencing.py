"""Self-fencing: who has slept past a lease sends no change to Azure under it (docs/decisions/self-fencing.md).

Azure compares no fences. So each change is sent under a permit that ends before its lease does, asked for after the
connection stands and right before the bytes go out; and while they go out a timer of the kernel runs, which ends the
process if it is stopped in that very moment and wakes up too late.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from datetime import datetime, timedelta

from sas_service.domain.errors import LeaseLost
from sas_service.ports import Lease, Leases

Seconds = Callable[[], float]

_UNWATCHED = nullcontext()
"""Surrounds what is sent under nobody's lease: a token's signature changes nothing in Azure."""


def seconds_since_boot() -> float:
    """Return a clock that nobody sets and that goes on while the machine sleeps, where there is one."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def end_process_in(seconds: float) -> None:
    """Let SIGALRM end this process then, 0 for never; Python handles it nowhere, so the kernel does it by itself."""
    signal.setitimer(signal.ITIMER_REAL, seconds)


class SelfFence:
    """Until when this process may send changes to each account; ``arm`` is told when to end the process."""

    def __init__(self, *, now: Seconds = seconds_since_boot, arm: Callable[[float], None] = end_process_in) -> None:
        self.now = now
        self._arm = arm
        self._ends: dict[str, float] = {}
        self._sending: dict[object, float] = {}
        self._guard = threading.Lock()
        self._account: ContextVar[str | None] = ContextVar("account", default=None)

    def permit(self, account: str, until: float | None) -> None:
        """Allow changes to ``account`` until ``until`` on our clock; None ends it."""
        with self._guard:
            self._ends.pop(account, None)
            if until is not None:
                self._ends[account] = until

    def holds(self, account: str) -> bool:
        """Tell whether changes to ``account`` may be sent now."""
        with self._guard:
            return self._ends.get(account, self.now()) > self.now()

    @contextmanager
    def writing(self, account: str) -> Iterator[None]:
        """Put everything that this thread sends under the account's permit. Raises LeaseLost without one."""
        self._left(account)
        before = self._account.set(account)
        try:
            yield
        finally:
            self._account.reset(before)

    def sending(self) -> AbstractContextManager[None]:
        """Surround the moment in which bytes go out. Raises LeaseLost if the permit has ended: none has gone then."""
        account = self._account.get()
        return _UNWATCHED if account is None else self._watched(account)

    @contextmanager
    def _watched(self, account: str) -> Iterator[None]:
        ticket = object()
        self._watch(ticket, self.now() + self._left(account))
        try:
            # Looked at once more with the timer running: from here on no sleep goes unnoticed.
            self._left(account)
            yield
        finally:
            self._watch(ticket, None)

    def _left(self, account: str) -> float:
        with self._guard:
            left = self._ends.get(account, self.now()) - self.now()
        if left <= 0:
            raise LeaseLost("The lease is over, or ends too soon to send anything under it.", effect="none")
        return left

    def _watch(self, ticket: object, end: float | None) -> None:
        with self._guard:
            self._sending.pop(ticket, None)
            if end is not None:
                self._sending[ticket] = end
            first = min(self._sending.values(), default=None)
            # Never 0: that would switch the timer off.
            self._arm(0 if first is None else max(first - self.now(), 0.001))


class FencedLeases:
    """The port ``Leases``, and the permits that go with them: each ends ``margin`` before its lease does.

    ``margin`` is the longest that one call to Azure takes: what was sent in time has been answered in time.
    """

    def __init__(self, leases: Leases, fence: SelfFence, *, margin: timedelta) -> None:
        self._leases = leases
        self._fence = fence
        self._margin = margin

    def take(self, account: str, holder: str, *, until: datetime, now: datetime) -> Lease | None:
        """Take the lease; its length counts from before the call."""
        begun = self._fence.now()
        lease = self._leases.take(account, holder, until=until, now=now)
        length = (until - now - self._margin).total_seconds()
        self._fence.permit(account, begun + length if lease else None)
        return lease

    def release(self, lease: Lease) -> None:
        """Give it back, and the permit with it."""
        self._fence.permit(lease.account, None)
        self._leases.release(lease)
