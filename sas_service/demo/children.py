"""The demo's child processes: started with a log file each, watched, and ended by their own pid."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

RESTARTS = 3
"""How often within ``RESTART_WINDOW`` seconds a child is started again before the demo gives up."""
RESTART_WINDOW = 60.0
_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    """Ask Linux to end this child when the demo itself is killed outright; elsewhere nothing can."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass(slots=True)
class Child:
    """One process of the demo; ``grace`` is how many seconds it may take to stop."""

    name: str
    command: list[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    grace: float = 50.0
    process: subprocess.Popen[bytes] | None = None
    starts: list[float] = field(default_factory=list)

    def start(self) -> None:
        """Start the process in a session of its own, so that Ctrl-C reaches the demo alone."""
        self.starts.append(monotonic())
        descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self.process = subprocess.Popen(  # noqa: S603  our own programs
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                env={**os.environ, **self.environment},
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509  the demo has no threads
            )
        finally:
            os.close(descriptor)

    def alive(self) -> bool:
        """Say whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def may_restart(self) -> bool:
        """Say whether another start is worth it: not after ``RESTARTS`` of them within a minute."""
        recent = [each for each in self.starts if each > monotonic() - RESTART_WINDOW]
        return len(recent) <= RESTARTS

    def stop(self) -> bool:
        """End the process, by force after ``grace``; returns whether it went by itself."""
        if self.process is None:
            return True
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(self.grace)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return False
        return True

    def last_words(self, lines: int = 12) -> str:
        """Return the end of the log, for when something went wrong."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""
