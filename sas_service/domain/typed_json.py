"""Frozen dataclasses as JSON, read back by their own type hints; members that have their default are left out.

A member that a newer release adds has a default, so texts of an older release stay readable. A text with a member
that this release does not know is refused: writing it again would lose that member.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

_Reader = Callable[[Any], Any]


def to_json(value: Any) -> Any:
    """Return ``value`` as what ``json.dumps`` takes; equal values give equal texts."""
    if is_dataclass(value):
        members = {field: getattr(value, field.name) for field in fields(value)}
        return {field.name: to_json(told) for field, told in members.items() if told != _default(field)}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Mapping):
        return _mapping_to_json(value)
    if isinstance(value, frozenset):
        return sorted(map(to_json, value))
    if isinstance(value, tuple | list):
        return [to_json(each) for each in value]
    return value.value if isinstance(value, Enum) else value


def from_json(hint: Any, value: Any) -> Any:
    """Return what ``to_json`` was given, as ``hint`` says; raises TypeError, ValueError, KeyError, AttributeError."""
    return _reader(hint)(value)


def _default(field: Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default


def _mapping_to_json(value: Mapping[Any, Any]) -> Any:
    """JSON has objects for names only; anything else becomes pairs."""
    if all(isinstance(key, str) for key in value):
        return {str(to_json(key)): to_json(told) for key, told in value.items()}
    return [[to_json(key), to_json(told)] for key, told in value.items()]


@cache
def _reader(hint: Any) -> _Reader:
    arguments = get_args(hint)
    if arguments:
        return _generic_reader(get_origin(hint), arguments)
    if hint is datetime:
        return datetime.fromisoformat
    if is_dataclass(hint):
        return _dataclass_reader(hint)
    return hint if isinstance(hint, type) and issubclass(hint, Enum) else _as_it_is


def _generic_reader(origin: Any, arguments: tuple[Any, ...]) -> _Reader:
    if origin is tuple:
        return _tuple_reader(arguments)
    if origin is Mapping:
        return _mapping_reader(*map(_reader, arguments))
    if origin is frozenset:
        each = _reader(arguments[0])
        return lambda value: frozenset(map(each, value))
    return _optional_reader(arguments)


def _as_it_is(value: Any) -> Any:
    return value


def _optional_reader(arguments: tuple[Any, ...]) -> _Reader:
    (told,) = (_reader(each) for each in arguments if each is not NoneType)
    return lambda value: None if value is None else told(value)


def _tuple_reader(arguments: tuple[Any, ...]) -> _Reader:
    if arguments[-1] is Ellipsis:
        each = _reader(arguments[0])
        return lambda value: tuple(map(each, value))
    readers = tuple(map(_reader, arguments))
    return lambda value: tuple(read(part) for read, part in zip(readers, value, strict=True))


def _mapping_reader(key: _Reader, told: _Reader) -> _Reader:
    def read(value: Any) -> Any:
        pairs = value.items() if isinstance(value, dict) else value
        return {key(name): told(content) for name, content in pairs}

    return read


def _dataclass_reader(hint: Any) -> _Reader:
    hints = get_type_hints(hint)
    readers = {field.name: _reader(hints[field.name]) for field in fields(hint)}
    return lambda value: hint(**{name: readers[name](content) for name, content in value.items()})
