"""A worker that stops itself in the middle of sending, as a paused machine would: `python -m ... MOMENT NUMBER`.

MOMENT ``before`` is between the last look of the runner and the look at the socket, ``while`` is after that, right
before the bytes; ``unfenced`` is the same without the measure: no timer runs, and nobody looks at the permit.
NUMBER counts what is sent under a lease, from 1; a request with a body is two.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from sas_service import worker
from sas_service.adapters import self_fencing
from sas_service.bootstrap import azure


def sleepy(moment: str, number: int) -> type[self_fencing.SelfFence]:
    """Return a fence that stops the process at one of its moments."""
    numbers = count(1)

    class Sleepy(self_fencing.SelfFence):
        def _left(self, account: str) -> float:
            return 3600 if moment == "unfenced" else super()._left(account)

        @contextmanager
        def sending(self) -> Iterator[None]:
            is_it = self._account.get() is not None and next(numbers) == number
            if is_it and moment == "before":
                os.kill(os.getpid(), signal.SIGSTOP)
            with super().sending():
                if is_it and moment != "before":
                    os.kill(os.getpid(), signal.SIGSTOP)
                yield

    return Sleepy


if __name__ == "__main__":
    azure.__dict__["SelfFence"] = sleepy(sys.argv[1], int(sys.argv[2]))
    worker.run(dict(os.environ))
