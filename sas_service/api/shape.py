"""Check the shape of a request and turn every breach into a Violation, all at once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, ValidationError

from sas_service.api.echo import echo, shorten
from sas_service.api.fields import Breach, Secret
from sas_service.domain.errors import Violation

_UNTOLD = frozenset({"schema.unknown", Secret.rule})
MOST = 100
"""How many violations one answer tells; a body of nothing but unknown members is not worth more."""


@dataclass(frozen=True, slots=True)
class Shaped:
    """What could be read, and what could not; a member with a violation is missing from ``values``."""

    values: Mapping[str, Any]
    violations: tuple[Violation, ...]


def shape(schema: Schema, raw: object, *, place: str = "") -> Shaped:
    """Load ``raw``; pointers are JSON Pointers, behind ``place`` (``query:``, ``path:``) outside of the body."""
    try:
        return Shaped(schema.load(raw), ())  # type: ignore[arg-type]  # not an object is what the schema will say
    except ValidationError as error:
        valid = error.valid_data if isinstance(error.valid_data, dict) else {}
        given = raw if isinstance(raw, Mapping) else {}
        found = sorted(_violations(error.messages, (), raw, place), key=lambda each: (each.pointer, each.rule))
        # A list of which no item could be read is not an empty list, about which the policy would complain again.
        return Shaped(
            {name: value for name, value in valid.items() if value or not given.get(name)}, tuple(found[:MOST])
        )


def _violations(messages: Any, path: tuple[Any, ...], raw: Any, place: str) -> Iterator[Violation]:
    if isinstance(messages, Mapping):
        for name, below in messages.items():
            here = path if name == "_schema" else (*path, name)
            yield from _violations(below, here, raw, place)
        return
    for each in messages:
        told = each if isinstance(each, Breach) else Breach("a value that the schema describes", "schema.validation")
        # What an unknown member says nobody asked for: it may be a password in the wrong place, and goes on record.
        asked = None if told.rule in _UNTOLD else echo(_at(raw, path))
        yield Violation(_pointer(path, place), asked, told.allowed, told.rule)


def _pointer(path: tuple[Any, ...], place: str) -> str:
    parts = (shorten(str(part)).replace("~", "~0").replace("/", "~1") for part in path)
    return place + "/".join(parts) if place else "".join(f"/{part}" for part in parts)


def _at(raw: Any, path: tuple[Any, ...]) -> Any:
    for part in path:
        try:
            raw = raw[part]
        except (KeyError, IndexError, TypeError):
            return None
    return raw
