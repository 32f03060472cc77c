"""Small C libraries that are put under a program to see what it does when the system is slow, or is about to die."""

import shutil
import subprocess
from pathlib import Path

import pytest


def compiled(source: Path, directory: Path) -> Path:
    """Return the library, for LD_PRELOAD; skips where there is no compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    library = directory / f"{source.stem}.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True)
    return library


def mounted(directory: Path, *, size: str) -> None:
    """Mount a small file system of its own on a directory, to be filled; skips where nobody may."""
    directory.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(directory)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a file system")


def unmounted(directory: Path) -> None:
    """Take it away again."""
    subprocess.run(["umount", "-l", str(directory)], check=True)
