"""What was read of one stream, and where to go on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sas_service.adapters.redis.event_chains import Chain
from sas_service.domain.audit import AuditEvent

Timed = tuple[datetime, AuditEvent]


@dataclass(slots=True)
class Feed:
    """Matching events of a stream, newest first, and how to go on after them.

    ``rest`` is the number of the next event (of the chain, if one is followed); negative if it has yet to be looked
    for from there on; 0 at the end; None before the beginning. ``lowest`` and ``highest`` are the numbers between
    which events of the time asked for lie. ``since`` is up to where the chain cannot be trusted.
    """

    stream: str
    rest: int | None
    lowest: int = 1
    highest: int | None = None
    since: int = 0
    events: list[Timed] = field(default_factory=list)

    @property
    def position(self) -> int:
        """The number to put into the cursor."""
        return self.events[0][1].seq if self.events else self.rest or 0

    @property
    def is_cut_off(self) -> bool:
        """Whether there is more, but not here: what other streams hold cannot be ordered against it."""
        return not self.events and self.rest != 0

    def follows(self, chain: Chain | None) -> bool:
        """Tell whether the next read follows the chain, and does not look through the stream."""
        return chain is not None and (self.rest is None or self.rest > 0)

    def take_chained(self, events: Sequence[Timed | None], rest: int) -> None:
        """Take what a chain led to; None for events that are not asked for."""
        self.events += [each for each in events if each]
        self._go_on(rest)

    def take_looked_at(self, numbers: Sequence[int], events: Sequence[Timed | None], *, asked: int) -> None:
        """Take what a look through the stream found, where no chain is followed."""
        self.events += [each for each in events if each]
        if len(numbers) < asked:
            self.rest = 0
        else:
            self._go_on(numbers[-1] - 1)

    def take_looked_for(
        self, numbers: Sequence[int], events: Sequence[Timed | None], pointers: Sequence[str], *, asked: int
    ) -> None:
        """Take what a look for events of a chain found; the first of them leads back to the chain."""
        for seq, event, pointer in zip(numbers, events, pointers, strict=True):
            if event:
                self.events.append(event)
            if event and seq > self.since and pointer:
                before = int(pointer)
                self._go_on(before if before > self.since else -self.since)
                return
        if len(numbers) < asked:
            self.rest = 0
        else:
            self._go_on(1 - numbers[-1])

    def _go_on(self, rest: int) -> None:
        self.rest = 0 if abs(rest) < self.lowest else rest
