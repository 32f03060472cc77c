"""The OpenAPI 3.1 document, made from the declared operations and the schemas that check them."""

import inspect
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import yaml
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema

from sas_service.api.fields import camel_case
from sas_service.api.operations import Body, Documented, Operation, Precondition, Resource
from sas_service.api.problem_table import PROBLEMS
from sas_service.api.problem_type import Problem
from sas_service.api.schemas_service import ProblemShown
from sas_service.domain.callers import Role

DESCRIPTION = """\
Hands Azure Maps SAS tokens to frontend teams by policy, and records every one.

A team asks with an Entra ID access token; a policy says what it may have; every token is on record, in two places,
before it leaves. Errors are problems (RFC 9457) and tell every violation at once. Names are camelCase, instants
RFC 3339 in UTC, durations ISO 8601. Lists have `items` and `next`, which is also a `Link`.

Every answer has `x-request-id`; send your own (8 to 64 letters, digits, dots, dashes, underscores) to find the request
in logs and audit events.
"""

PROBLEM = "application/problem+json"
_HEADER = {"type": "string"}


class Interface:
    """One document of some resources; made on first use, the same bytes every time."""

    def __init__(self, resources: Sequence[Resource], version: str) -> None:
        self._resources = resources
        self._version = version

    @cached_property
    def document(self) -> dict[str, Any]:
        """The document as JSON values."""
        spec = APISpec(
            title="sas-service",
            version=self._version,
            openapi_version="3.1.0",
            plugins=[MarshmallowPlugin(schema_name_resolver=schema_name)],
            info={"description": DESCRIPTION},
            tags=[{"name": each.tag, "description": each.description} for each in self._resources],
        )
        spec.components.security_scheme("entra", _SECURITY)
        spec.components.schema("Problem", schema=ProblemShown())
        for resource in self._resources:
            for operation in resource.operations:
                spec.path(path=operation.path, operations={operation.method.lower(): _operation(operation)})
        made = spec.to_dict()
        first = {name: made[name] for name in ("openapi", "info", "tags")}
        return {**first, **made, "x-problem-types": [_problem_type(each) for each in PROBLEMS.values()]}

    @cached_property
    def yaml(self) -> str:
        """The document as it is committed and served."""
        return yaml.dump(self.document, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120)


class _Plain(yaml.SafeDumper):
    """Repeats equal values instead of pointing at them, and writes paragraphs as such: for people."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True

    def paragraphs(self, text: str) -> yaml.Node:
        return self.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Plain.add_representer(str, _Plain.paragraphs)

_SECURITY = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "An Entra ID access token for this service; its app roles (or the scope Tokens.Issue) decide.",
}


def schema_name(schema: type[Schema] | Schema) -> str:
    """Return the component's name of a schema."""
    name = schema.__name__ if isinstance(schema, type) else type(schema).__name__
    return name.removesuffix("Shown")


def _operation(operation: Operation) -> dict[str, Any]:
    said: dict[str, Any] = {
        "tags": [operation.tag],
        "operationId": camel_case(operation.view.__name__),
        "summary": operation.summary,
        "description": inspect.getdoc(operation.view) or "",
        "security": _security(operation.roles),
        "parameters": _parameters(operation),
        "requestBody": _request_body(operation.body) if operation.body else None,
        "responses": {
            **{str(status): _answer(answer) for status, answer in operation.answers.items()},
            **_problems(operation),
            "default": _plain_problem("Any other problem."),
        },
    }
    return {name: value for name, value in said.items() if value is not None and (value or name == "security")}


def _security(roles: tuple[Role, ...] | None) -> list[dict[str, list[str]]]:
    """Return alternatives, since one role is enough; none at all is public."""
    if roles is None:
        return []
    return [{"entra": [role.value]} for role in roles] or [{"entra": []}]


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = []
    if operation.parameters:
        parameters.append({"in": "path", "schema": operation.parameters})
    if operation.query:
        parameters.append({"in": "query", "schema": operation.query})
    if operation.idempotent_key:
        parameters.append(_IDEMPOTENCY_KEY)
    if operation.precondition:
        parameters.append({**_IF_MATCH, "required": operation.precondition is Precondition.REQUIRED})
    if operation.resumable:
        parameters.append(_LAST_EVENT_ID)
    return parameters


_IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "description": "Makes repeating safe for 24 hours: the same key and body give the same token, not a second one.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}


_IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "description": "The `ETag` of the revocation, which is the hash of its plan: what is decided about was seen.",
    "schema": {"type": "string", "maxLength": 257},
}
_LAST_EVENT_ID = {
    "in": "header",
    "name": "Last-Event-ID",
    "description": "The id of the last event that was received: the stream goes on after it.",
    "schema": {"type": "string", "maxLength": 15, "pattern": "^[0-9]+$"},
}


def _request_body(body: Body) -> dict[str, Any]:
    content = {"application/json": {"schema": body.schema, "example": dict(body.example)}}
    return {"required": not body.optional, "content": content}


def _answer(answer: Documented) -> dict[str, Any]:
    said: dict[str, Any] = {"description": answer.meaning}
    if answer.headers:
        said["headers"] = {name: {"description": text, "schema": _HEADER} for name, text in answer.headers.items()}
    if answer.schema or answer.media_types != ("application/json",):
        said["content"] = {media_type: _content(answer, media_type) for media_type in answer.media_types}
    return said


def _content(answer: Documented, media_type: str) -> dict[str, Any]:
    if media_type == "application/json" and answer.schema:
        return {"schema": answer.schema, "example": answer.example}
    return {"schema": {"type": "string"}}


def _problems(operation: Operation) -> dict[str, Any]:
    by_status: dict[int, list[Problem]] = {}
    for problem in (PROBLEMS[each] for each in operation.refusals):
        by_status.setdefault(problem.status, []).append(problem)
    told = {str(status): _problem_response(found) for status, found in sorted(by_status.items())}
    if operation.body:
        told |= {"413": _plain_problem("The body is larger than 64 KiB."), "415": _plain_problem("It is not JSON.")}
    return dict(sorted(told.items()))


def _problem_response(found: list[Problem]) -> dict[str, Any]:
    said: dict[str, Any] = _plain_problem("\n".join(f"- `{each.type}`: {each.title}" for each in found))
    if any(each.wait for each in found):
        said["headers"] = {"Retry-After": {"description": "When to try again, in seconds.", "schema": _HEADER}}
    return {**said, "x-problems": [each.type for each in found]}


def _plain_problem(meaning: str) -> dict[str, Any]:
    return {"description": meaning, "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}}


def _problem_type(problem: Problem) -> dict[str, Any]:
    return {
        "type": problem.type,
        "title": problem.title,
        "status": problem.status,
        "description": f"{problem.meaning} {problem.remedy}",
    }
