"""The Merkle tree of RFC 9162 section 2.1: tree hashes, proofs, their verification, and growing without reading again.

A tree is asked for through ``Nodes``: the hash of the complete subtree of a height at an index, that is of the leaves
``index << height`` up to ``(index + 1) << height``. Who keeps the nodes, and how many, is another's business.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from hashlib import sha256

Nodes = Callable[[int, int], bytes]
"""(height, index) -> hash of that complete subtree."""

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(text: str) -> bytes:
    """Return the hash of a leaf: of an event's text, exactly as it is stored (RFC 9162 section 2.1.1)."""
    # JSON may have escaped lone surrogates, never bare ones; what cannot be encoded is no event of ours.
    return sha256(b"\x00" + text.encode("utf-8", "surrogatepass")).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """A tree's size and the roots of its complete subtrees, the largest first: all that is needed to let it grow."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.hashes) != self.size.bit_count():
            raise ValueError("a frontier has one hash for each bit of its size")

    @property
    def root(self) -> bytes:
        """The hash of the whole tree."""
        if not self.hashes:
            return EMPTY_ROOT
        return reduce(lambda right, left: node_hash(left, right), reversed(self.hashes))

    def grown(self, leaves: Iterable[bytes], completed: Callable[[int, int, bytes], None] | None = None) -> "Frontier":
        """Return the tree with ``leaves`` (hashes) added; ``completed`` is told height, index and hash of new nodes."""
        size, hashes = self.size, list(self.hashes)
        for leaf in leaves:
            height, node = 0, leaf
            if completed:
                completed(0, size, node)
            while size >> height & 1:
                node = node_hash(hashes.pop(), node)
                height += 1
                if completed:
                    completed(height, size >> height, node)
            hashes.append(node)
            size += 1
        return Frontier(size, tuple(hashes))


def nodes_of(leaves: Sequence[bytes]) -> Nodes:
    """Return the nodes of a tree whose leaves (hashes) are all at hand."""

    @cache
    def node(height: int, index: int) -> bytes:
        if height == 0:
            return leaves[index]
        return node_hash(node(height - 1, 2 * index), node(height - 1, 2 * index + 1))

    return node


def root_of(nodes: Nodes, size: int) -> bytes:
    """Return the hash of the tree of the first ``size`` leaves."""
    return _range(nodes, 0, size) if size else EMPTY_ROOT


def inclusion_proof(nodes: Nodes, index: int, size: int) -> tuple[bytes, ...]:
    """Prove that leaf ``index`` (from 0) is in the tree of ``size`` leaves (RFC 9162 section 2.1.3.1)."""
    if not 0 <= index < size:
        raise ValueError("there is no such leaf in a tree of this size")
    proof: list[bytes] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            proof.append(_range(nodes, middle, end))
            end = middle
        else:
            proof.append(_range(nodes, begin, middle))
            begin = middle
    return tuple(reversed(proof))


def consistency_proof(nodes: Nodes, first: int, second: int) -> tuple[bytes, ...]:
    """Prove that the tree of ``first`` leaves begins the tree of ``second`` leaves (RFC 9162 section 2.1.4.1)."""
    if not 0 < first <= second:
        raise ValueError("the first tree must hold something and be no larger than the second")
    proof: list[bytes] = []
    begin, end, is_whole = 0, second, True
    while first < end:
        middle = begin + _split(end - begin)
        if first <= middle:
            proof.append(_range(nodes, middle, end))
            end = middle
        else:
            proof.append(_range(nodes, begin, middle))
            begin, is_whole = middle, False
    return tuple(reversed(proof if is_whole else [*proof, _range(nodes, begin, end)]))


def proves_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Tell whether ``proof`` leads from leaf ``index`` to ``root`` (RFC 9162 section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            found = node_hash(sibling, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and found == root


def proves_consistency(first: int, first_root: bytes, second: int, second_root: bytes, proof: Sequence[bytes]) -> bool:
    """Tell whether ``proof`` shows that one tree begins the other (RFC 9162 section 2.1.4.2)."""
    if not 0 < first <= second:
        return False
    if first == second:
        return not proof and first_root == second_root
    # A first tree that is one complete subtree begins the path itself.
    path = list(proof) if first & (first - 1) else [first_root, *proof]
    return bool(path) and _leads_on(first - 1, second - 1, path) == (first_root, second_root)


def _leads_on(place: int, last: int, path: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Return both roots that ``path`` leads to, None if it is too short or too long."""
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return None
        if place & 1 or place == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        place, last = place >> 1, last >> 1
    return (old, new) if last == 0 else None


def _range(nodes: Nodes, begin: int, end: int) -> bytes:
    """Return the hash of the leaves from ``begin`` to ``end``; in these trees ``begin`` is aligned to what follows."""
    size = end - begin
    if size & (size - 1) == 0:
        height = size.bit_length() - 1
        return nodes(height, begin >> height)
    middle = begin + _split(size)
    return node_hash(_range(nodes, begin, middle), _range(nodes, middle, end))


def _split(size: int) -> int:
    """Return the largest power of two below ``size``."""
    return 1 << (size - 1).bit_length() - 1
