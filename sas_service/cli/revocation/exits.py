"""The exit codes of these commands; docs/revocation.md lists them, and a test holds the two equal."""

from enum import IntEnum


class Exit(IntEnum):
    """How a command ended; the docstring of each is in ``MEANINGS``."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    BLOCKED = 3
    NOT_COMPLETED = 4
    STILL_OPEN = 5


MEANINGS = {
    Exit.DONE: "What was asked for is done; of a run: it is completed.",
    Exit.REFUSED: "Nothing was done: the service refused or did not answer, or the name that was typed is another.",
    Exit.USAGE: "The command line is wrong.",
    Exit.BLOCKED: "The plan is blocked; the obstacles and the ways out were shown.",
    Exit.NOT_COMPLETED: "The run ended otherwise: aborted, or its plan expired.",
    Exit.STILL_OPEN: "The run goes on without you: you left, or told the command not to watch.",
}
