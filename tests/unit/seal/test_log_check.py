"""The offline check: ten thousand ways to edit a log, all found; and what it says it cannot know."""

import json
import random
from time import process_time

import pytest

from sas_service.adapters.ed25519_signing import Ed25519Signing, verify_ed25519
from sas_service.domain.checkpoints import Checkpoint
from sas_service.domain.log_check import StreamReport, check_log
from sas_service.domain.merkle import Frontier, leaf_hash
from sas_service.domain.signed_notes import write_note
from sas_service.domain.tiles import write_hashes
from tests.unit.seal.world import KEY, MAPS, SIGNING

EDITS_PER_SEED = 2_000
"""Five seeds are ten thousand edits; one of them is enough for every change of this code."""


def text(seq: int, *, stream: str = MAPS, n: int | None = None) -> str:
    members = {"stream": stream, "seq": seq, "kind": "issued", "n": seq if n is None else n}
    return json.dumps(members, separators=(",", ":"))


def signed(texts: list[str], *, stream: str = MAPS, signing: Ed25519Signing = SIGNING) -> str:
    frontier = Frontier().grown(map(leaf_hash, texts))
    told = Checkpoint(f"{KEY.name}/{stream}", frontier.size, frontier.root).text
    return write_note(told, signing.verifying_key, signing.sign(told.encode()))


def check(texts: list[str], notes: list[str], mirror: list[str] | None = None) -> tuple[StreamReport, tuple[str, ...]]:
    reports, strays = check_log(texts, notes, mirror or [], KEY, verify_ed25519)
    (report,) = [each for each in reports if each.stream == MAPS]
    return report, strays


LOG = [text(seq) for seq in range(1, 41)]
NOTES = [signed(LOG[:size]) for size in (7, 16, 40)]


def test_a_log_that_nobody_has_touched_is_good() -> None:
    report, strays = check(LOG, NOTES)
    assert strays == report.problems == ()
    assert (report.events, report.checkpoints, report.proven, report.unproven) == (40, 3, 40, 0)


def edit(log: list[str], dice: random.Random) -> list[str]:  # noqa: C901  a table of edits
    after = list(log)
    at, other = dice.sample(range(len(log)), 2)
    match dice.choice(["letter", "text", "delete", "swap", "truncate", "duplicate", "move", "shuffle", "renumber"]):
        case "letter":
            place = dice.randrange(len(log[at]))
            letter = dice.choice([each for each in 'abc019 {}",' if each != log[at][place]])
            after[at] = log[at][:place] + letter + log[at][place + 1 :]
        case "text":
            after[at] = text(at + 1, n=-1)
        case "delete":
            del after[at : at + dice.randint(1, 5)]
        case "swap":
            after[at], after[other] = after[other], after[at]
        case "truncate":
            after = after[:at]
        case "duplicate":
            after.insert(other, log[at])
        case "move":
            after.insert(other, after.pop(at))
        case "shuffle":
            dice.shuffle(after)
        case "renumber":
            # The clever one: an event is gone, and all after it have new numbers.
            del after[at]
            after = [text(seq, n=json.loads(line)["n"]) for seq, line in enumerate(after, 1)]
    return after


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.full) for seed in range(1, 5))])
def test_every_edit_is_found(seed: int) -> None:
    dice, tried = random.Random(seed), 0  # noqa: S311  a seeded generator, so that a failure can be repeated
    while tried < EDITS_PER_SEED:
        edited = edit(LOG, dice)
        if edited == LOG:
            continue
        tried += 1
        reports, strays = check_log(edited, NOTES, [], KEY, verify_once)
        assert strays or any(report.problems for report in reports), edited


_verified: dict[tuple[bytes, bytes, bytes], bool] = {}


def verify_once(key: bytes, message: bytes, signature: bytes) -> bool:
    """The checkpoints are the same ten thousand times."""
    asked = (key, message, signature)
    if asked not in _verified:
        _verified[asked] = verify_ed25519(*asked)
    return _verified[asked]


def test_forged_checkpoints_do_not_count() -> None:
    forged_log = [text(seq, n=0) for seq in range(1, 41)]
    thief = Ed25519Signing(bytes(32), name=KEY.name)
    for note in (signed(forged_log, signing=thief), signed(LOG).replace("\n40\n", "\n39\n"), "nothing like it"):
        report, strays = check(forged_log, [*NOTES, note])
        assert strays
        assert report.problems


def test_a_log_rolled_back_with_its_old_checkpoint_is_found_by_a_newer_one() -> None:
    report, _ = check(LOG[:16], NOTES[:2])
    assert report.problems == (), "who has only the old checkpoint cannot know"
    report, _ = check(LOG[:16], [*NOTES[:2], NOTES[2]])
    assert report.problems == ("a checkpoint has 40 events, the export only 16",)
    regrown = LOG[:16] + [text(seq, n=0) for seq in range(17, 41)]
    report, _ = check(regrown, [*NOTES[:2], signed(regrown), NOTES[2]])
    assert any("two histories were signed" in problem for problem in report.problems)


def test_a_split_view_is_found_whichever_side_the_log_is_on() -> None:
    other = [*LOG[:39], text(40, n=0)]
    for log in (LOG, other):
        report, _ = check(log, [signed(LOG), signed(other)])
        assert any("two histories were signed" in problem for problem in report.problems)


def test_checkpoints_that_do_not_follow_from_one_another_are_found() -> None:
    other = [text(1, n=0), *LOG[1:]]
    report, _ = check(LOG, [signed(other[:7]), NOTES[2]])
    assert report.problems == ("events 1 to 7 are not those of the checkpoint of size 7",)


def test_a_checkpoint_of_another_stream_proves_nothing_here() -> None:
    report, _ = check(LOG, [signed(LOG, stream="other")])
    assert (report.proven, report.unproven, report.problems) == (0, 40, ())


def test_newer_events_are_as_good_as_the_mirror() -> None:
    assert check(LOG, NOTES[:2])[0].unproven == 24
    report, _ = check(LOG, NOTES[:2], LOG[:30])
    assert (report.proven, report.mirrored, report.unproven, report.problems) == (16, 30, 10, ())
    torn = [*LOG[:39], LOG[39][:12]]
    assert check(LOG, NOTES[:2], torn)[0].mirrored == 39
    holed = [line for line in LOG if line != LOG[20]]
    assert check(LOG, NOTES[:2], holed)[0].mirrored == 20


@pytest.mark.parametrize(
    ("export", "problem"),
    [
        ([*LOG[:20], text(21, n=0), *LOG[21:]], "event 21 is not the one that the mirror has"),
        (LOG[:25], "the mirror goes on to 40, the export ends at 25"),
    ],
)
def test_an_edit_of_newer_events_is_found_by_the_mirror(export: list[str], problem: str) -> None:
    assert check(export, NOTES[:2], LOG)[0].problems == (problem,)


def test_the_mirror_brings_its_checkpoints_along() -> None:
    line = json.dumps({"stream": MAPS, "size": 40, "checkpoint": NOTES[2]})
    report, _ = check(LOG[:30], [], [*LOG, line])
    assert any("has 40 events" in problem for problem in report.problems)


@pytest.mark.parametrize(
    "export", [[*LOG[:20], *LOG[21:]], [*LOG[:20], LOG[19], *LOG[20:]], [*LOG[:19], LOG[20], LOG[19]]]
)
def test_numbers_are_checked_also_where_no_checkpoint_reaches(export: list[str]) -> None:
    (problem,) = check(export, NOTES[:2])[0].problems
    assert "is missing" in problem


def hashes(first: int, last: int) -> str:
    leaves = [leaf_hash(each) for each in LOG[first - 1 : last]]
    return json.dumps({"stream": MAPS, "first": first, "leafHashes": write_hashes(leaves)})


def test_hashes_stand_for_events_that_were_removed_for_their_age() -> None:
    report, _ = check([hashes(1, 9), hashes(10, 12), *LOG[12:]], NOTES)
    assert (report.problems, report.hashed, report.proven) == ((), 12, 40)


@pytest.mark.parametrize(
    "export",
    [
        [hashes(1, 40)],
        [hashes(1, 9), *LOG[10:]],
        [*LOG[:5], hashes(6, 9), *LOG[9:]],
        [hashes(2, 9), *LOG[9:]],
        ['{"stream":"maps-demo","first":1,"leafHashes":"x"}', *LOG],
        ['{"stream":"maps-demo"}', *LOG],
    ],
)
def test_hashes_are_no_way_to_hide_an_event(export: list[str]) -> None:
    newest = [] if len(export) == 1 else NOTES
    assert check(export, newest)[0].problems


def test_problems_are_told_in_numbers_that_can_be_read() -> None:
    edited = [LOG[0].replace("issued", "denied"), *LOG[1:]]
    assert len(check(edited, NOTES)[0].problems) == 3
    many = [signed([text(seq, n=size) for seq in range(1, size + 1)]) for size in range(1, 200)]
    big = [text(seq) for seq in range(1, 201)]
    assert len(check(big, many)[0].problems) == 100


def test_a_program_gets_the_same_words() -> None:
    said = check(LOG, NOTES[:2])[0].document()
    assert (said["proven"], said["unproven"], said["problems"]) == (16, 24, [])


@pytest.mark.parametrize("line", ["", "no JSON", "[]", "{}", '{"seq":1}'])
def test_a_line_that_is_nothing_is_a_problem(line: str) -> None:
    assert check([*LOG, line], NOTES)[1]


def test_a_mirror_full_of_checkpoints_is_not_kept_nor_looked_through_for_each_event() -> None:
    # A worker signs every five seconds: a month of a mirror has half a million checkpoints among its events.
    spent = [check_of_a_mirror(size) for size in (2_000, 8_000)]
    assert spent[1] < 10 * spent[0]


def check_of_a_mirror(size: int) -> float:
    texts, mirror, frontier = [text(seq) for seq in range(1, size + 1)], list[str](), Frontier()
    for each in texts:
        frontier = frontier.grown((leaf_hash(each),))
        told = Checkpoint(f"{KEY.name}/{MAPS}", frontier.size, frontier.root).text
        note = write_note(told, SIGNING.verifying_key, bytes(64))
        mirror += [each, json.dumps({"stream": MAPS, "size": frontier.size, "checkpoint": note})]
    begun = process_time()
    (report,), strays = check_log(texts, [], mirror, KEY, lambda *_: True)
    assert (report.proven, report.problems, strays) == (size, (), ())
    return process_time() - begun
