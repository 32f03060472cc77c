"""Installs a folder's npm packages once, runs this one's scripts, and says loudly why when it cannot."""

import fcntl
import functools
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent
_INSTALL_LIMIT = 300.0
_SCRIPT_LIMIT = 50.0
# No scripts of packages are run, and a machine without network is told quickly.
_INSTALL = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1"]


def require_packages(folder: Path = FOLDER) -> None:
    """Skip the test without Node; a failing install skips too, but fails in CI, where it would hide for ever."""
    missing = [program for program in ("node", "npm") if not shutil.which(program)]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not found: `make test-deps` installs what the Node tests need")
    problem = _install(folder)
    if problem and os.environ.get("CI"):
        pytest.fail(f"npm ci failed in tests/{folder.name}: {problem}")
    if problem:
        pytest.skip(
            f"npm ci failed in tests/{folder.name} (see `make test-deps`; a registry must be reachable): {problem}"
        )


def chromium() -> str:
    """Return the path of the browser, or skip."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if not found:
        pytest.skip("chromium not found: `make test-deps` installs what the browser tests need")
    return found


def run_script(name: str, told: object, **environment: str) -> Any:
    """Run a script with a JSON document on its standard input; returns the one that it prints."""
    result = subprocess.run(
        ["node", FOLDER / name],
        input=json.dumps(told),
        capture_output=True,
        text=True,
        timeout=_SCRIPT_LIMIT,
        # The official clients would take a proxy of this machine even to the loopback address.
        env=os.environ | {"NO_PROXY": "127.0.0.1"} | environment,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@functools.cache
def _install(folder: Path) -> str:
    """Install what the lock names unless it is there; returns what went wrong. Workers of pytest take turns."""
    lock, mark = folder / "package-lock.json", folder / "node_modules" / ".installed-from"
    wanted = hashlib.sha256(lock.read_bytes() + (folder / "package.json").read_bytes()).hexdigest()
    with lock.open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if mark.exists() and mark.read_text() == wanted:
            return ""
        try:
            result = subprocess.run(
                _INSTALL, cwd=folder, capture_output=True, text=True, timeout=_INSTALL_LIMIT, check=False
            )
        except subprocess.TimeoutExpired:
            return f"not finished within {_INSTALL_LIMIT:.0f} s"
        if result.returncode == 0:
            mark.write_text(wanted)
        return result.stderr.strip()[:500] if result.returncode else ""
