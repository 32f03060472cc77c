"""Conventions as tests: import contracts, closed error list, documented settings, small modules."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from sas_service.settings.reference import reference

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "sas_service").rglob("*.py"))


def test_import_contracts_hold() -> None:
    result = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_opens_with_a_sentence_and_stays_small(path: Path) -> None:
    text = path.read_text()
    docstring = ast.get_docstring(ast.parse(text))
    assert docstring, "no module docstring"
    assert docstring.splitlines()[0].rstrip("`").endswith((".", ":")) or len(docstring.splitlines()) > 1
    assert len(text.splitlines()) <= 300


@pytest.mark.parametrize("name", ["utils", "helpers", "common", "base", "manager"])
def test_no_drawer_for_everything(name: str) -> None:
    assert not [path for path in MODULES if path.stem == name or name in path.parent.parts]


def test_configuration_page_is_generated() -> None:
    assert (ROOT / "docs" / "configuration.md").read_text() == reference(), "run make docs"


def test_top_level_holds_only_what_was_agreed() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert {path.split("/")[0] for path in listed} <= {
        "pyproject.toml",
        "sas_service",
        "migrations",
        "Dockerfile",
        "tests",
        "openapi.yaml",
        "README.md",
        "CHANGELOG.md",
        "LICENSE",
        "Makefile",
        "docs",
        "deploy",
        ".ci",
        ".gitignore",
        ".dockerignore",
        "requirements.lock",
        "requirements-demo.lock",
        "requirements-dev.lock",
    }


def test_lock_files_name_no_address_and_hash_everything() -> None:
    for lock in ROOT.glob("requirements*.lock"):
        text = lock.read_text()
        assert "://" not in text
        pinned = [line for line in text.splitlines() if "==" in line and not line.startswith((" ", "#"))]
        assert pinned
        assert all(line.endswith("\\") for line in pinned)


def test_a_start_waits_for_no_sdk_that_its_first_request_does_not_need() -> None:
    late = {"azure.identity", "azure.keyvault", "azure.storage", "azure.mgmt.authorization", "azure.mgmt.msi"}
    program = f"import sys, sas_service.wsgi; print(sorted({late!r} & sys.modules.keys()))"
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
