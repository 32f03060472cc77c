"""How far the mirror is known to be complete, in a dictionary."""

from sas_service.adapters.memory.failing import Failing


class MemoryMirrorProgress(Failing):
    """The port ``MirrorProgress``."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[str, int] = {}

    def read(self, stream: str) -> int:
        """Return the number, 0 if nothing is known."""
        self._fail_if_told()
        return self._known.get(stream, 0)

    def write(self, stream: str, seq: int) -> None:
        """Remember it."""
        self._fail_if_told()
        self._known[stream] = seq
