"""``/docs``: the OpenAPI document as one page for people."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sas_service.api.pages import Page, render_page


@dataclass(frozen=True, slots=True)
class Member:
    """One line of a table: a parameter, or a member of an object (``depth`` levels inside another)."""

    name: str
    kind: str
    required: bool
    meaning: str
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Section:
    """A body or an answer: what it means, its members, and an example."""

    name: str
    meaning: str
    members: tuple[Member, ...]
    example: str | None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """An operation on the page."""

    method: str
    path: str
    tag: str
    id: str
    summary: str
    description: str
    roles: tuple[str, ...] | None
    parameters: tuple[Member, ...]
    body: Section | None
    answers: tuple[Section, ...]


def render_docs(document: dict[str, Any]) -> Page:
    """Return the page."""
    operations = [
        _shown(document, path, method, item[method]) for path, item in document["paths"].items() for method in item
    ]
    return render_page(
        "docs.html",
        info=document["info"],
        tags=[(tag, [each for each in operations if each.tag == tag["name"]]) for tag in document["tags"]],
        problem_types=document["x-problem-types"],
    )


def _shown(document: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> Shown:
    security = operation["security"]
    body = operation.get("requestBody")
    return Shown(
        method=method.upper(),
        path=path,
        tag=operation["tags"][0],
        id=operation["operationId"],
        summary=operation["summary"],
        description=operation["description"],
        roles=tuple(role for each in security for role in each["entra"]) if security else None,
        parameters=tuple(_parameter(document, each) for each in operation.get("parameters", ())),
        body=_section(document, "application/json", "", body["content"]) if body else None,
        answers=tuple(
            _section(document, status, answer["description"], answer.get("content", {}), answer.get("x-problems", ()))
            for status, answer in operation["responses"].items()
            if status != "default"
        ),
    )


def _parameter(document: dict[str, Any], parameter: dict[str, Any]) -> Member:
    kind = f"{_kind(document, parameter['schema'])} in {parameter['in']}"
    return Member(parameter["name"], kind, parameter.get("required", False), parameter.get("description", ""))


def _section(
    document: dict[str, Any], name: str, meaning: str, content: dict[str, Any], problems: tuple[str, ...] = ()
) -> Section:
    json_content = content.get("application/json", {})
    example = json_content.get("example")
    return Section(
        name=name,
        meaning="" if problems else meaning,
        members=tuple(_members(document, json_content.get("schema", {}))),
        example=None if example is None else json.dumps(example, indent=2),
        problems=tuple(problems),
    )


def _members(document: dict[str, Any], schema: dict[str, Any], depth: int = 0) -> Iterator[Member]:
    schema = _resolved(document, schema)
    required = schema.get("required", ())
    for name, member in schema.get("properties", {}).items():
        inner = _resolved(document, member)
        meaning = member.get("description", "")
        yield Member(name, _kind(document, member), name in required, meaning, depth)
        yield from _members(document, inner.get("items", inner), depth + 1)


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    for each in schema.get("anyOf", ()):
        if "$ref" in each:
            schema = each
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return dict(document["components"]["schemas"][name])
    return schema


def _kind(document: dict[str, Any], schema: dict[str, Any]) -> str:
    types = schema.get("type", _resolved(document, schema).get("type", "any"))
    kind = " or ".join([types] if isinstance(types, str) else types)
    if "items" in schema:
        kind += f" of {_kind(document, schema['items'])}"
    if "enum" in schema:
        kind = " | ".join(str(each) for each in schema["enum"])
    if "format" in schema:
        kind = f"{schema['format']}"
    return " ".join([kind, *(f"{word} {schema[key]}" for key, word in _BOUNDS.items() if key in schema)])


_BOUNDS = {"minimum": "from", "maximum": "to", "maxLength": "up to", "maxItems": "· up to", "default": "· default"}
