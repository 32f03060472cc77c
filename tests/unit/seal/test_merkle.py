"""The Merkle tree: the published vectors of Certificate Transparency, and a naive reading of RFC 9162."""

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sas_service.domain.merkle import (
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    nodes_of,
    proves_consistency,
    proves_inclusion,
    root_of,
)
from sas_service.domain.tiles import WIDTH, Tile, grow, nodes_in, read_hashes, write_hashes, written

LEAVES = [
    sha256(b"\x00" + bytes.fromhex(text)).digest()
    for text in (
        *("", "00", "10", "2021", "3031", "40414243"),
        *("5051525354555657", "606162636465666768696a6b6c6d6e6f"),
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
_1, _23, _4567 = (
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
)
_4, _45, _5 = (
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
)
_67 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
INCLUSION = {
    (0, 1): [],
    (0, 8): [_1, _23, _4567],
    (5, 8): [_4, _67, ROOTS[4]],
    (2, 3): [ROOTS[2]],
    (1, 5): [ROOTS[1], _23, _5],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): [_1, _23, _4567],
    (6, 8): [_45, _67, ROOTS[4]],
    (2, 5): [_23, _5],
}


def test_published_roots() -> None:
    assert [root_of(nodes_of(LEAVES), size).hex() for size in range(9)] == ROOTS
    assert [Frontier().grown(LEAVES[:size]).root.hex() for size in range(9)] == ROOTS


def test_a_leaf_is_hashed_as_a_leaf() -> None:
    assert leaf_hash("").hex() == ROOTS[1]
    assert leaf_hash("\ud800") != leaf_hash("")


def test_a_proof_that_stops_early_proves_nothing_even_of_a_root_made_for_it() -> None:
    two = bytes.fromhex(ROOTS[2])
    assert not proves_consistency(1, LEAVES[0], 8, two, [LEAVES[1]])
    assert not proves_inclusion(LEAVES[0], 0, 8, [LEAVES[1]], two)
    assert not proves_inclusion(two, 0, 8, [], two)


@pytest.mark.parametrize(("place", "proof"), INCLUSION.items())
def test_published_inclusion_proofs(place: tuple[int, int], proof: list[str]) -> None:
    index, size = place
    assert [each.hex() for each in inclusion_proof(nodes_of(LEAVES), index, size)] == proof
    root = bytes.fromhex(ROOTS[size])
    assert proves_inclusion(LEAVES[index], index, size, [bytes.fromhex(each) for each in proof], root)


@pytest.mark.parametrize(("sizes", "proof"), CONSISTENCY.items())
def test_published_consistency_proofs(sizes: tuple[int, int], proof: list[str]) -> None:
    first, second = sizes
    assert [each.hex() for each in consistency_proof(nodes_of(LEAVES), first, second)] == proof
    roots = [bytes.fromhex(ROOTS[size]) for size in sizes]
    assert proves_consistency(first, roots[0], second, roots[1], [bytes.fromhex(each) for each in proof])


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 9162 section 2.1.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = max(2**n for n in range(40) if 2**n < len(leaves))
    return node_hash(naive_root(leaves[:k]), naive_root(leaves[k:]))


def naive_path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of section 2.1.3.1."""
    if len(leaves) == 1:
        return []
    k = max(2**n for n in range(40) if 2**n < len(leaves))
    if m < k:
        return [*naive_path(m, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(m - k, leaves[k:]), naive_root(leaves[:k])]


def naive_subproof(m: int, leaves: list[bytes], *, whole: bool) -> list[bytes]:
    """SUBPROOF of section 2.1.4.1."""
    if m == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = max(2**n for n in range(40) if 2**n < len(leaves))
    if m <= k:
        return [*naive_subproof(m, leaves[:k], whole=whole), naive_root(leaves[k:])]
    return [*naive_subproof(m - k, leaves[k:], whole=False), naive_root(leaves[:k])]


def some(size: int, seed: int = 0) -> list[bytes]:
    return [leaf_hash(f"{seed}/{number}") for number in range(size)]


@settings(max_examples=150, deadline=None)
@given(data=st.data(), size=st.integers(1, 70))
def test_proofs_are_those_of_the_rfc_and_nothing_else_passes(data: st.DataObject, size: int) -> None:
    leaves = some(size)
    nodes, root = nodes_of(leaves), naive_root(leaves)
    assert root_of(nodes, size) == root
    index = data.draw(st.integers(0, size - 1))
    first = data.draw(st.integers(1, size))
    path = inclusion_proof(nodes, index, size)
    assert list(path) == naive_path(index, leaves)
    assert proves_inclusion(leaves[index], index, size, path, root)
    steps = consistency_proof(nodes, first, size)
    assert list(steps) == naive_subproof(first, leaves, whole=True)
    before = naive_root(leaves[:first])
    assert proves_consistency(first, before, size, root, steps)
    for broken in spoilt(data, path):
        assert not proves_inclusion(leaves[index], index, size, broken, root)
    assert not proves_inclusion(leaf_hash("other"), index, size, path, root)
    other = data.draw(st.integers(0, size - 1).filter(lambda number: number != index)) if size > 1 else size
    assert not proves_inclusion(leaves[index], other, size, path, root)
    for broken in spoilt(data, steps):
        assert not proves_consistency(first, before, size, root, broken)
    assert not proves_consistency(first, leaf_hash("other"), size, root, steps)


def spoilt(data: st.DataObject, proof: tuple[bytes, ...]) -> list[tuple[bytes, ...]]:
    """The proof with a hash too many, one too few, and one changed."""
    broken = [(*proof, leaf_hash("more"))]
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        broken += [proof[:at] + proof[at + 1 :], (*proof[:at], leaf_hash("changed"), *proof[at + 1 :])]
    return broken


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(st.integers(0, 400), max_size=6), data=st.data())
def test_a_tree_grown_in_steps_out_of_tiles_is_the_same_tree(steps: list[int], data: st.DataObject) -> None:
    leaves = some(sum(steps))
    frontier, tiles, done = Frontier(), dict[Tile, tuple[bytes, ...]](), 0
    for step in steps:
        frontier, pieces = grow(frontier, leaves[done : done + step])
        tiles = written(tiles, pieces)
        done += step
    assert frontier.size == len(leaves)
    nodes = nodes_in(tiles.__getitem__)
    size = data.draw(st.integers(0, len(leaves)))
    assert root_of(nodes, size) == root_of(nodes_of(leaves), size)
    assert frontier.root == root_of(nodes, len(leaves))
    assert sum(len(hashes) for (level, _), hashes in tiles.items() if level == 0) == len(leaves)
    assert all(len(hashes) <= WIDTH for hashes in tiles.values())


def test_a_tall_tree_needs_few_tiles() -> None:
    leaves = some(WIDTH * WIDTH + 300)
    frontier, pieces = grow(Frontier(), leaves)
    tiles, read = written({}, pieces), list[Tile]()

    def reading(tile: Tile) -> tuple[bytes, ...]:
        read.append(tile)
        return tiles[tile]

    path = inclusion_proof(nodes_in(reading), 70, len(leaves))
    assert proves_inclusion(leaves[70], 70, len(leaves), path, frontier.root)
    assert {level for level, _ in tiles} == {0, 1, 2}
    assert len(read) <= 6


def test_the_text_of_a_tile_can_be_read_again() -> None:
    hashes = tuple(some(5))
    assert read_hashes(write_hashes(hashes)) == hashes
    for wrong in ("x", "!" * 43, write_hashes(hashes)[:-1]):
        with pytest.raises(ValueError):
            read_hashes(wrong)
