"""A person at a terminal: starts `sas-service`, reads what appears, types, presses Ctrl-C; ends it by its pid."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[1]
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Typist:
    """One command in a pseudo-terminal of 150 columns; ``seen`` is all that appeared, without colours."""

    def __init__(self, *words: str, directory: Path = ROOT, environ: Mapping[str, str] | None = None) -> None:
        self._ours, theirs = pty.openpty()
        shown = {"TERM": "xterm", "COLUMNS": "150", "LINES": "50", "PYTHONPATH": str(ROOT)}
        environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **shown, **(environ or {})}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sas_service.cli", *words],
            cwd=directory,
            env=environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.seen = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=10)
        os.close(self._ours)

    def until(self, words: str, within: float = 30.0) -> str:
        """Read on until ``words`` appear; returns what has appeared since the last call."""
        deadline, since = time.monotonic() + within, len(self.seen)
        while words not in self.seen[since:]:
            assert time.monotonic() < deadline, f"{words!r} did not appear in:\n{self.seen}"
            assert self._read(0.1) or self.process.poll() is None, f"{words!r} did not appear in:\n{self.seen}"
        return self.seen[since:]

    def types(self, line: str) -> None:
        os.write(self._ours, f"{line}\n".encode())

    def presses_ctrl_c(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def ends(self, within: float = 30.0) -> int:
        """Read to the end; returns the exit code."""
        deadline = time.monotonic() + within
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.seen
            self._read(0.1)
        while self._read(0.1):
            pass
        return int(self.process.returncode)

    def _read(self, patience: float) -> bool:
        if not select.select([self._ours], [], [], patience)[0]:
            return False
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # Linux's word for: the other side is closed
            return False
        self.seen += _ESCAPES.sub("", data.decode(errors="replace")).replace("\r", "")
        return bool(data)
