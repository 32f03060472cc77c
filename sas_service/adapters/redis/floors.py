"""What this process knows of how far each stream goes: a server where one ends before that has lost something."""

from collections.abc import Mapping
from threading import Lock

_UNKNOWN, _BEGUN = -1, 0


class Floors:
    """Stream -> a number that it has reached. A script that numbers events writes nothing below its floor."""

    def __init__(self) -> None:
        self._reached: dict[str, int] = {}
        self._lock = Lock()
        self.looks_lost = False
        """Whether a script found its stream below the floor since the last comparison with the mirror."""

    def of(self, stream: str) -> int:
        """Return the floor: 0 where the stream has to be there at all, and -1 where nothing is known of it."""
        return self._reached.get(stream, _UNKNOWN)

    def raise_to(self, stream: str, seq: int) -> None:
        """Remember that the mirror has the number ``seq``: no script gives it out again."""
        with self._lock:
            self._reached[stream] = max(seq, self.of(stream))

    def begin(self, stream: str) -> None:
        """Remember that the stream is there, though it may be empty: it can only be missing because it was lost."""
        self.raise_to(stream, _BEGUN)

    def compared(self) -> None:
        """Nothing is lost after all: an empty stream that is missing may begin anew."""
        if self.looks_lost:
            with self._lock:
                self._reached = {stream: seq for stream, seq in self._reached.items() if seq > _BEGUN}
            self.looks_lost = False

    @property
    def known(self) -> Mapping[str, int]:
        """The floor of each stream of which anything is known."""
        return dict(self._reached)
