"""How the nodes of a growing Merkle tree are kept: tiles of 256 hashes, as in C2SP tlog-tiles.

A tile of level L holds hashes of height 8 L side by side. Level 0 has the leaves; each full tile is one hash of the
next level. So a proof reads a handful of tiles, however long the log is, and an event costs little more than its hash.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from sas_service.domain.merkle import HASH_BYTES, Frontier, Nodes, node_hash

HEIGHT = 8
WIDTH = 1 << HEIGHT
TEXT_WIDTH = 43
"""Characters of one hash in a tile's text: base64 without its padding, so that a place in the text can be counted."""

Tile = tuple[int, int]
"""(level, number)."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Hashes to write into a tile from ``offset`` on."""

    tile: Tile
    offset: int
    hashes: tuple[bytes, ...]


def grow(frontier: Frontier, leaves: Iterable[bytes]) -> tuple[Frontier, tuple[Piece, ...]]:
    """Return the larger tree, and what has to be written into its tiles."""
    found: dict[Tile, tuple[int, list[bytes]]] = {}

    def completed(height: int, index: int, node: bytes) -> None:
        if height % HEIGHT == 0:
            number, offset = divmod(index, WIDTH)
            found.setdefault((height // HEIGHT, number), (offset, []))[1].append(node)

    grown = frontier.grown(leaves, completed)
    return grown, tuple(Piece(tile, offset, tuple(hashes)) for tile, (offset, hashes) in found.items())


def nodes_in(tile: Callable[[Tile], tuple[bytes, ...]]) -> Nodes:
    """Return the nodes of the tree whose tiles ``tile`` reads; each tile is read once."""
    read: dict[Tile, tuple[bytes, ...]] = {}

    def node(height: int, index: int) -> bytes:
        level, above = divmod(height, HEIGHT)
        if above:
            return node_hash(node(height - 1, 2 * index), node(height - 1, 2 * index + 1))
        number, offset = divmod(index, WIDTH)
        if (level, number) not in read:
            read[level, number] = tile((level, number))
        return read[level, number][offset]

    return node


def write_hashes(hashes: Iterable[bytes]) -> str:
    """Return hashes as the text of a tile, 43 characters each."""
    return "".join(b64encode(each).decode()[:TEXT_WIDTH] for each in hashes)


def read_hashes(text: str) -> tuple[bytes, ...]:
    """Return the hashes of a text; raises ValueError for anything else."""
    if len(text) % TEXT_WIDTH:
        raise ValueError("a tile's text is a whole number of hashes")
    hashes = tuple(b64decode(text[at : at + TEXT_WIDTH] + "=", validate=True) for at in range(0, len(text), TEXT_WIDTH))
    if any(len(each) != HASH_BYTES for each in hashes):
        raise ValueError("a hash has 32 bytes")
    return hashes


def written(tiles: Mapping[Tile, tuple[bytes, ...]], pieces: Iterable[Piece]) -> dict[Tile, tuple[bytes, ...]]:
    """Return ``tiles`` with ``pieces`` written into them."""
    after = dict(tiles)
    for piece in pieces:
        before = after.get(piece.tile, ())[: piece.offset]
        if len(before) < piece.offset:
            raise ValueError("a tile is filled from its beginning")
        after[piece.tile] = (*before, *piece.hashes)
    return after
