"""The movable clock of the emulated world: real time plus an offset, or standing still."""

import time


class Clock:
    """Tells the time; only ever moves forward."""

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset
        self._frozen_at: float | None = None

    @property
    def frozen(self) -> bool:
        """Whether time moves only by advance()."""
        return self._frozen_at is not None

    def now(self) -> float:
        """Return the emulated time in epoch seconds."""
        if self._frozen_at is not None:
            return self._frozen_at
        return time.time() + self.offset

    def advance(self, seconds: float) -> None:
        """Move forward; a negative step would make tokens of the future."""
        if seconds < 0:
            raise ValueError("the clock moves forward only")
        self.offset += seconds
        if self._frozen_at is not None:
            self._frozen_at += seconds

    def freeze(self) -> None:
        """Stand still, so that tests decide when a second has passed."""
        if self._frozen_at is None:
            self._frozen_at = self.now()

    def thaw(self) -> None:
        """Run again from the instant where the clock stood, never backwards."""
        if self._frozen_at is not None:
            self.offset = self._frozen_at - time.time()
            self._frozen_at = None
