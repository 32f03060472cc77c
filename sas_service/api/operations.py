"""What an operation promises, declared once next to its view: binding.py keeps it, interface.py documents it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Required, TypedDict, Unpack

from marshmallow import Schema

from sas_service.api.exchange import Answer, Ask
from sas_service.api.use_cases import UseCases
from sas_service.domain.callers import Role
from sas_service.domain.errors import (
    IdentityUnavailable,
    InvalidRequest,
    MissingRole,
    PreconditionMissing,
    RevisionConflict,
    SasServiceError,
    Unauthenticated,
)

View = Callable[[UseCases, Ask], Answer]
ErrorClass = type[SasServiceError]


@dataclass(frozen=True, slots=True)
class Body:
    """A request's JSON: its schema instance (building one costs more than using it), and an example.

    ``with_policy``: violations of shape go to the view, so that it can tell them together with those of the policy.
    """

    schema: Schema
    example: Mapping[str, object]
    optional: bool = False
    with_policy: bool = False


class Precondition(StrEnum):
    """Whether a request must, or may, say in ``If-Match`` what it decides about."""

    REQUIRED = "required"
    OPTIONAL = "optional"


@dataclass(frozen=True, slots=True)
class Documented:
    """One answer of an operation as the document shows it."""

    meaning: str
    schema: Schema | None = None
    example: object = None
    media_types: tuple[str, ...] = ("application/json",)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path; ``roles`` None is public, empty any authenticated caller, otherwise one is enough.

    ``resumable``: a stream of events that goes on after ``Last-Event-ID``.
    """

    tag: str
    method: str
    path: str
    summary: str
    view: View
    roles: tuple[Role, ...] | None
    answers: Mapping[int, Documented]
    problems: tuple[ErrorClass, ...] = ()
    parameters: Schema | None = None
    query: Schema | None = None
    body: Body | None = None
    cors: bool = False
    idempotent_key: bool = False
    precondition: Precondition | None = None
    resumable: bool = False

    @property
    def refusals(self) -> tuple[ErrorClass, ...]:
        """Every refusal to expect: what the view names, and what comes with authentication and validation."""
        always: tuple[ErrorClass, ...] = ()
        if self.roles is not None:
            always += (Unauthenticated, IdentityUnavailable)
        if self.roles:
            always += (MissingRole,)
        if self.parameters or self.query or self.body or self.idempotent_key:
            always += (InvalidRequest,)
        if self.precondition:
            always += (RevisionConflict,)
        if self.precondition is Precondition.REQUIRED:
            always += (PreconditionMissing,)
        return tuple(dict.fromkeys((*always, *self.problems)))


class Contract(TypedDict, total=False):
    """What ``Resource.operation`` takes beside method and path: the members of Operation by the same names."""

    summary: Required[str]
    roles: Required[tuple[Role, ...] | None]
    answers: Required[Mapping[int, Documented]]
    problems: tuple[ErrorClass, ...]
    parameters: Schema
    query: Schema
    body: Body | None
    cors: bool
    idempotent_key: bool
    precondition: Precondition
    resumable: bool


class Resource:
    """The operations of one module, in the order in which they are declared."""

    def __init__(self, tag: str, description: str) -> None:
        self.tag = tag
        self.description = description
        self.operations: list[Operation] = []

    def operation(self, method: str, path: str, **contract: Unpack[Contract]) -> Callable[[View], View]:
        """Declare the decorated view's contract."""

        def declare(view: View) -> View:
            self.operations.append(Operation(tag=self.tag, method=method, path=path, view=view, **contract))
            return view

        return declare
