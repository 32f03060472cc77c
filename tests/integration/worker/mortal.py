"""A worker that dies at once, as of `kill -9`, at each step of a run: `python -m ... MOMENT DIRECTORY`.

MOMENT ``begins`` is right after a step is on record as begun. ``acts`` is before anything of what it did is: Azure has
answered and the answer is not written down, or it is seen done and that is not written down.
DIRECTORY has a file for every step at which a worker has died, so that any number of workers die once at each. It gives
its lease back as it dies: that leases end by themselves is shown elsewhere, twelve times would take a minute.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from sas_service import worker
from sas_service.bootstrap import revocation
from sas_service.domain.runs import Revocation
from sas_service.services.run_playbook import PlaybookRunner
from sas_service.steps.run import Run

Claim = Callable[[str], bool]
"""Says once for each step that this is where to die."""


def mortal(moment: str, claim: Claim) -> type[PlaybookRunner]:
    """Return a runner whose writes to the journal kill its process at its moment."""

    class MortalRun(Run):
        die: Callable[[], None]

        def save(self, entry: Revocation) -> None:
            step = self.entry.step.name if self.entry.step else ""
            if step and moment == "acts" and _tells_what_was_done(entry, step) and claim(step):
                self.die()
            super().save(entry)
            if step and moment == "begins" and claim(step):
                self.die()

    class MortalRunner(PlaybookRunner):
        def advance(self, run: Run) -> None:
            self._mortal = MortalRun(run.world, run.lease, run.entry)
            self._mortal.die = self._die
            super().advance(self._mortal)

        def _die(self) -> None:
            self._leases.release(self._mortal.lease)
            os.kill(os.getpid(), signal.SIGKILL)

    return MortalRunner


def _tells_what_was_done(entry: Revocation, step: str) -> bool:
    is_answered = any(intent.step == step and intent.outcome for intent in entry.intents)
    return is_answered or any(each.name == step and each.done for each in entry.steps)


def once_each(directory: Path) -> Claim:
    """Return what is true the first time that any process names a step."""

    def claim(step: str) -> bool:
        try:
            (directory / step).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    return claim


if __name__ == "__main__":
    revocation.__dict__["PlaybookRunner"] = mortal(sys.argv[1], once_each(Path(sys.argv[2])))
    worker.run(dict(os.environ))
