"""The commands of an auditor, on files as they come: exit codes, words, and JSON."""

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sas_service.cli.audit_verify import UNPROVEN
from sas_service.cli.main import main
from sas_service.domain.evidence import signed_text
from sas_service.domain.signed_notes import write_note
from sas_service.services.export import COLUMNS, LogExport, csv_row
from tests.unit.seal.world import KEY, MAPS, SERVICE, SIGNING, World


def verify(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["audit", "verify", "--key", KEY.text, *map(str, arguments)])


def exported(world: World) -> LogExport:
    return LogExport(streams=world.streams, seals=world.seals)


@pytest.fixture
def world() -> World:
    world = World()
    world.write(700)
    world.write(3, account=None)
    world.worker().run()
    return world


def copy(world: World, folder: Path) -> Path:
    path = folder / "log.ndjson"
    lines = [line for stream in (MAPS, SERVICE) for line in exported(world).ndjson(stream)]
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def mirror(world: World, folder: Path) -> Path:
    (folder / "mirror").mkdir()
    (folder / "mirror" / "1.ndjson").write_text("".join(f"{line}\n" for line in world.mirror.lines()) + '{"torn')
    return folder / "mirror"


def test_an_honest_copy_is_good(world: World, tmp_path: Path) -> None:
    result = verify(copy(world, tmp_path))
    assert result.exit_code == 0, result.output
    assert "maps-demo: 700 events, 1 checkpoints\n  1 to 700: are what was signed\n" in result.output
    assert result.output.endswith("nothing is wrong\n")
    (tmp_path / "key.txt").write_text(KEY.text + "\n")
    by_file = ["audit", "verify", "--key", str(tmp_path / "key.txt"), str(tmp_path / "log.ndjson")]
    assert CliRunner().invoke(main, by_file).exit_code == 0


def test_newer_events_need_the_mirror(world: World, tmp_path: Path) -> None:
    world.write(5)
    path = copy(world, tmp_path)
    result = verify(path)
    assert "701 to 705: UNPROVEN" in result.output
    assert (result.exit_code, verify(path, "--strict").exit_code) == (0, UNPROVEN)
    with_mirror = verify(path, "--strict", "--mirror", mirror(world, tmp_path))
    assert with_mirror.exit_code == 0
    assert "701 to 705: newer than the last checkpoint, equal to the mirror" in with_mirror.output


def test_an_edit_is_told_to_people_and_to_programs(world: World, tmp_path: Path) -> None:
    path = copy(world, tmp_path)
    path.write_text(path.read_text().replace('"n":333', '"n":334'))
    result = verify(path)
    assert result.exit_code == 1
    assert "PROBLEM: events 1 to 700 are not those of the checkpoint of size 700" in result.output
    said = json.loads(verify(path, "--json").output)
    assert said["good"] is False
    assert [(each["stream"], bool(each["problems"])) for each in said["streams"]] == [(MAPS, True), (SERVICE, False)]


@pytest.mark.parametrize("form", ["note", "answer", "pretty", "mirror"])
def test_a_checkpoint_that_was_kept_finds_what_was_taken_back(world: World, tmp_path: Path, form: str) -> None:
    note = world.notes()[0]
    kept = tmp_path / "kept"
    told = {"items": [{"stream": MAPS, "checkpoint": note}], "verifyingKey": KEY.text}
    texts = {"note": note, "answer": json.dumps(told), "pretty": json.dumps(told, indent=2)}
    kept.write_text(texts.get(form, "\n".join(line for line in world.mirror.lines() if "checkpoint" in line)))
    path = copy(world, tmp_path)
    assert verify(path, "--checkpoints", kept).exit_code == 0
    younger = World()
    younger.write(650)
    younger.write(3, account=None)
    younger.worker().run()
    result = verify(copy(younger, tmp_path), "--checkpoints", kept)
    assert result.exit_code == 1
    assert "a checkpoint has 700 events, the export only 650" in result.output


@pytest.mark.parametrize("text", ["", '{"items":[],"next":null}', '{"title":"Forbidden","status":403}', "[]"])
def test_a_file_of_kept_checkpoints_that_has_none_is_wrong_use(world: World, tmp_path: Path, text: str) -> None:
    (tmp_path / "kept").write_text(text)
    result = verify(copy(world, tmp_path), "--checkpoints", tmp_path / "kept")
    assert result.exit_code == 2
    assert "has no checkpoint in it" in result.output


def test_wrong_use_is_told() -> None:
    assert verify().exit_code == 2
    assert CliRunner().invoke(main, ["audit", "verify", "--key", "nonsense+1", "-"]).exit_code == 2
    assert CliRunner().invoke(main, ["audit", "verify", "--key", "/no/such/file", "-"]).exit_code == 2


def test_evidence_is_verified(tmp_path: Path) -> None:
    report = {"revocation": "run-1", "steps": []}
    text = signed_text(KEY, report)
    document = {"report": report, "signature": write_note(text, KEY, SIGNING.sign(text.encode()))}
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps(document))
    bad.write_text(json.dumps({**document, "report": {**report, "steps": [1]}}))
    assert verify("--evidence", good).exit_code == 0
    result = verify("--evidence", good, "--evidence", bad)
    assert (result.exit_code, "bad.json: the report is not the one that was signed" in result.output) == (1, True)
    bad.write_text("[]")
    assert verify("--evidence", bad).exit_code == 1


def test_an_export_streams(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    after = world.streams.after

    def noting(stream: str, seq: int, limit: int) -> object:
        asked.append(limit)
        return after(stream, seq, limit)

    monkeypatch.setattr(world.streams, "after", noting)
    lines = exported(world).ndjson(MAPS)
    assert "checkpoint" in next(lines)
    next(lines)
    assert asked == [1, 500], "no more is read than is asked for"
    assert len(list(lines)) == 699
    assert asked == [1, 500, 200]


def test_csv_is_harmless_and_whole(world: World) -> None:
    rows = list(csv.DictReader(io.StringIO("\n".join([csv_row(COLUMNS), *exported(world).csv(MAPS)]))))
    assert [row["event"] for row in rows] == world.texts()
    assert (rows[0]["stream"], rows[0]["seq"], rows[0]["kind"]) == (MAPS, "1", "issued")
    assert csv_row(("=cmd()", "-1", 'a "quoted", one')) == '\'=cmd(),\'-1,"a ""quoted"", one"'


@pytest.mark.parametrize("witness", ["checkpoints", "mirror", "both"])
def test_a_stream_that_is_wholly_absent_is_an_error_that_names_it(world: World, tmp_path: Path, witness: str) -> None:
    path = tmp_path / "log.ndjson"
    path.write_text("".join(f"{line}\n" for line in exported(world).ndjson(SERVICE)))
    kept, mirror = tmp_path / "kept.txt", tmp_path / "mirror"
    kept.write_text(world.notes(MAPS)[-1])
    mirror.mkdir()
    (mirror / "a.ndjson").write_text("".join(f"{line}\n" for line in world.mirror.lines()))
    options = {"checkpoints": ["--checkpoints", kept], "mirror": ["--mirror", mirror]}
    asked = options.get(witness) or [each for option in options.values() for each in option]
    for strict in ([], ["--strict"]):
        told = verify(path, *asked, *strict)
        assert told.exit_code == 1, told.output
        assert f"PROBLEM: the export has nothing of {MAPS}: a checkpoint has 700 events of it" in told.output
    assert json.loads(verify(path, *asked, "--json").stdout)["good"] is False
