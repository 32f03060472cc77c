"""The running demo seals its audit log, and a copy of it verifies without the service."""

import json
from pathlib import Path

from click.testing import CliRunner

from sas_service.cli.main import main
from tests.e2e.running_demo import RunningDemo, eventually


def test_the_demo_seals_what_it_records(demo: RunningDemo, tmp_path: Path) -> None:
    for _ in range(3):
        demo.issue()

    def checkpoints() -> list[dict[str, object]]:
        answer = demo.call("GET", "/v1/audit/checkpoint", "auditor").json()
        (tmp_path / "answer.json").write_text(json.dumps(answer))
        return [each for each in answer["items"] if each["stream"] == "maps-demo" and each["size"] >= 6]

    eventually(lambda: bool(checkpoints()), within=30)
    mirror = demo.directory / "mirror"
    lines = [line for path in mirror.glob("*.ndjson") for line in path.read_text().splitlines()]
    events = {(each["stream"], each["seq"]): line for line in lines if "seq" in (each := json.loads(line))}
    log = tmp_path / "log.ndjson"
    log.write_text("".join(f"{events[place]}\n" for place in sorted(events)))
    key = json.loads((tmp_path / "answer.json").read_text())["verifyingKey"]
    words = ["audit", "verify", str(log), "--key", key, "--checkpoints", str(tmp_path / "answer.json")]
    good = CliRunner().invoke(main, [*words, "--mirror", str(mirror), "--strict"])
    assert good.exit_code == 0, good.output
    log.write_text(log.read_text().replace('"kind":"issued"', '"kind":"denied"', 1))
    assert CliRunner().invoke(main, words).exit_code == 1
