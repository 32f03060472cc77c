"""Doing the same for several, so that what fails for one of them holds up none of the others."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from sas_service.domain.errors import SasServiceError

Thing = TypeVar("Thing")
Result = TypeVar("Result")


def for_each(things: Iterable[Thing], act: Callable[[Thing], Result]) -> list[Result]:
    """Do ``act`` for each thing and return the results; raises the first SasServiceError when all have had their turn.

    Accounts lie on different servers of a cluster: one that is away is no reason to leave the others alone.
    """
    results, failures = list[Result](), list[SasServiceError]()
    for thing in things:
        try:
            results.append(act(thing))
        except SasServiceError as error:
            failures.append(error)
    if failures:
        raise failures[0]
    return results
