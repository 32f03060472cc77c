"""Runs every command of docs/emulator.md, in order, against one emulator with the sample world."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from sas_service.emulator import directory, shapes, world
from sas_service.emulator.faults import KINDS
from sas_service.emulator.settings import Settings, described
from tests.contract.emulator.test_process import port_of
from tests.emulator_process import RunningEmulator, start_emulator

PAGE = (Path(__file__).parents[3] / "docs" / "emulator.md").read_text()
BLOCKS = re.findall(r"^```(sh|python|js)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
INTERPRETERS = {
    "sh": ["bash", "-euc"],
    "python": [sys.executable, "-c"],
    "js": ["node", "--input-type=module", "-e"],
}


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    running = start_emulator(tmp_path_factory.mktemp("docs"), None)
    yield running
    running.stop()


def test_the_page_has_blocks_in_every_language() -> None:
    assert {language for language, _ in BLOCKS} == set(INTERPRETERS)


@pytest.mark.parametrize(
    ("language", "block"),
    [
        pytest.param(language, block, marks=[pytest.mark.node] if language == "js" else [], id=f"{number}-{language}")
        for number, (language, block) in enumerate(BLOCKS, start=1)
    ],
)
def test_a_block_does_what_it_says(emulator: RunningEmulator, language: str, block: str) -> None:
    if language == "js" and shutil.which("node") is None:
        pytest.skip("NODE IS MISSING: the JavaScript example of docs/emulator.md was not run")
    code = block.replace("127.0.0.1:8081", f"127.0.0.1:{port_of(emulator)}")
    result = subprocess.run([*INTERPRETERS[language], code], capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 0, result.stderr
    promises = re.findall(r"^(?:#|//) -> (.*)$", block, re.MULTILINE)
    assert promises
    for promise in promises:
        assert promise in result.stdout


def names(document: object) -> set[str]:
    return set(document) if isinstance(document, dict) else set()


def test_every_setting_is_documented() -> None:
    settings = described(Settings())
    documented = set(re.findall(r"`(?:propagation)?\.?(\w+)`", PAGE))
    assert names(settings) - {"propagation"} - documented == set()
    assert names(settings["propagation"]) - documented == set()
    assert all(claim in PAGE for claim in names(settings["sasClaims"]))


def test_every_kind_of_fault_is_documented() -> None:
    assert [kind for kind in KINDS if f"`{kind}`" not in PAGE] == []


def test_the_documented_world_file_is_complete() -> None:
    section = PAGE.partition("## The world file")[2]
    # Only the first fields of each are for the world file; the later ones are what happened since.
    shown: dict[Any, int] = {
        directory.Application: 14,
        directory.User: 4,
        directory.Group: 3,
        world.ManagedIdentity: 6,
        world.ResourceGroup: 5,
        world.RoleDefinition: 8,
        world.KeyVault: 7,
        world.Machine: 3,
    }
    for shape, count in shown.items():
        documented = [shapes.camel(field.name) for field in fields(shape)][:count]
        assert [name for name in documented if name not in section] == [], shape


def test_every_operation_is_documented(emulator: RunningEmulator) -> None:
    operations = emulator.control("GET", "faults")["operations"]
    missing = [name for names in operations.values() for name in names if f"`{name}`" not in PAGE and name != "unknown"]
    assert missing == []
