"""What is sealed: one JSON text per stream beside the tiles of its Merkle tree, moved on by one script."""

import json
from collections.abc import Sequence

from sas_service.adapters.redis.failures import unavailable
from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.server import Script, Server
from sas_service.domain.merkle import Frontier
from sas_service.domain.tiles import TEXT_WIDTH, Piece, Tile, read_hashes, write_hashes
from sas_service.ports.seals import Seal

_ADVANCE = Script("advance_seal")


class RedisSeals:
    """The port ``Seals``."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def read(self, stream: str) -> Seal:
        """Return how far a stream is sealed."""
        (text,) = self._server.read(("GET", Keys(stream).seal))
        return _read(text or "")

    def advance(self, stream: str, before: Seal, after: Seal, pieces: Sequence[Piece] = ()) -> bool:
        """Write ``after`` and the new hashes in one atomic step, if ``before`` is what stands, durably."""
        keys = Keys(stream)
        # WAITAOF waits for everything the server wrote before, so also for the events that were read to be sealed.
        return bool(
            self._server.run_durably(
                _ADVANCE,
                (keys.seal, *(keys.tile(*piece.tile) for piece in pieces)),
                (
                    *(_write(before), _write(after)),
                    *(word for piece in pieces for word in (piece.offset * TEXT_WIDTH, write_hashes(piece.hashes))),
                ),
            )
        )

    def tiles(self, stream: str, wanted: Sequence[Tile]) -> tuple[tuple[bytes, ...], ...]:
        """Return the hashes of tiles as far as they are filled."""
        keys = Keys(stream)
        texts = self._server.read(*(("GET", keys.tile(*tile)) for tile in wanted))
        try:
            return tuple(read_hashes(text or "") for text in texts)
        except ValueError:
            raise unavailable("holds a tile that cannot be read") from None


def _write(seal: Seal) -> str:
    """Return the text of a seal; equal seals give equal texts, which the script compares."""
    if seal == Seal():
        return ""
    hashes = write_hashes(seal.frontier.hashes)
    document = [seal.frontier.size, hashes, seal.checkpoint, seal.published, seal.aged]
    return json.dumps(document, separators=(",", ":"))


def _read(text: str) -> Seal:
    if not text:
        return Seal()
    try:
        size, hashes, checkpoint, published, aged = json.loads(text)
        return Seal(Frontier(size, read_hashes(hashes)), checkpoint, published, aged)
    except (TypeError, ValueError):
        raise unavailable("holds a seal that cannot be read") from None
