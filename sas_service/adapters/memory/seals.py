"""What is sealed, in dictionaries."""

from collections.abc import Sequence
from threading import Lock

from sas_service.adapters.memory.failing import Failing
from sas_service.domain.tiles import Piece, Tile, written
from sas_service.ports.seals import Seal


class MemorySeals(Failing):
    """The port ``Seals``; ``fail_with`` lets the next writes raise."""

    def __init__(self) -> None:
        super().__init__()
        self._seals: dict[str, Seal] = {}
        self._tiles: dict[str, dict[Tile, tuple[bytes, ...]]] = {}
        self._guard = Lock()

    def read(self, stream: str) -> Seal:
        """Return how far a stream is sealed."""
        with self._guard:
            return self._seals.get(stream, Seal())

    def advance(self, stream: str, before: Seal, after: Seal, pieces: Sequence[Piece] = ()) -> bool:
        """Write ``after`` and the new hashes, if ``before`` is what stands."""
        self._fail_if_told()
        with self._guard:
            if self._seals.get(stream, Seal()) != before:
                return False
            self._tiles[stream] = written(self._tiles.get(stream, {}), pieces)
            self._seals[stream] = after
            return True

    def tiles(self, stream: str, wanted: Sequence[Tile]) -> tuple[tuple[bytes, ...], ...]:
        """Return the hashes of tiles as far as they are filled."""
        with self._guard:
            return tuple(self._tiles.get(stream, {}).get(tile, ()) for tile in wanted)
