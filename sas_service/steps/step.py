"""One line of a playbook, and what looking at the world for it says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sas_service.domain.cuts import Cut
from sas_service.domain.runs import Streak
from sas_service.steps.run import Run


@dataclass(frozen=True, slots=True)
class Seen:
    """What the world says about a step: done, or what is missing; ``human`` names why only a person can help."""

    done: bool = False
    missing: str = ""
    human: str | None = None
    streak: Streak | None = None
    cuts: tuple[Cut, ...] = ()
    evidence: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One line: ``done`` looks, ``do`` changes, ``undo`` looks and changes back; without ``do`` it is a wait.

    ``do`` returns None after acting, or what keeps it from acting. From the first step on that is not ``reversible``
    there is no way back. A ``bounded`` step that is not done within the limit calls a person; the other has a deadline.
    """

    name: str
    purpose: str
    done: Callable[[Run], Seen]
    do: Callable[[Run], Seen | None] | None = None
    undo: Callable[[Run], Seen] | None = None
    reversible: bool = True
    bounded: bool = True
