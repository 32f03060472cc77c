"""Strict reading and writing of dataclasses as camelCase JSON: an unknown key or a wrong type names its path."""

import re
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
JSON = Any


class ShapeError(ValueError):
    """A document that does not have the expected shape."""


def camel(name: str) -> str:
    """Return resource_groups as resourceGroups."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def snake(name: str) -> str:
    """Return resourceGroups as resource_groups."""
    return re.sub(r"(?<!^)([A-Z])", lambda match: "_" + match.group(1).lower(), name)


@cache
def _hints(shape: Any) -> dict[str, Any]:
    return get_type_hints(shape)


def read(shape: type[T], value: JSON, path: str = "") -> T:
    """Build a dataclass (or a list, mapping or scalar type) from a document."""
    return _read(shape, value, path or "document")  # type: ignore[no-any-return]  # checked by the shape itself


def _read(shape: Any, value: JSON, path: str) -> Any:
    if shape is Any:
        return value
    if hasattr(shape, "from_json"):
        return _read_own(shape, value, path)
    if is_dataclass(shape):
        return _read_dataclass(shape, value, path)
    reader = _GENERIC_READERS.get(get_origin(shape), _read_scalar)
    return reader(shape, value, path)


def _read_own(shape: Any, value: JSON, path: str) -> Any:
    try:
        return shape.from_json(value)
    except ValueError as error:
        raise ShapeError(f"{path}: {error}") from None


def _read_dataclass(shape: Any, value: JSON, path: str) -> Any:
    if not isinstance(value, Mapping):
        raise ShapeError(f"{path}: expected an object, got {type(value).__name__}")
    known = {camel(field.name): field for field in fields(shape)}
    unknown = sorted(str(key) for key in value if key not in known)
    if unknown:
        raise ShapeError(f"{path}: unknown key {', '.join(unknown)} (known: {', '.join(sorted(known))})")
    missing = [
        name
        for name, field in known.items()
        if name not in value and field.default is MISSING and field.default_factory is MISSING
    ]
    if missing:
        raise ShapeError(f"{path}: {', '.join(missing)} is missing")
    hints = _hints(shape)
    parts = {known[key].name: _read(hints[known[key].name], part, f"{path}.{key}") for key, part in value.items()}
    return shape(**parts)


def _read_optional(shape: Any, value: JSON, path: str) -> Any:
    inner = next(part for part in get_args(shape) if part is not type(None))
    return None if value is None else _read(inner, value, path)


def _read_list(shape: Any, value: JSON, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise ShapeError(f"{path}: expected a list, got {type(value).__name__}")
    (inner,) = get_args(shape)
    return [_read(inner, part, f"{path}[{place}]") for place, part in enumerate(value)]


def _read_mapping(shape: Any, value: JSON, path: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ShapeError(f"{path}: expected an object, got {type(value).__name__}")
    _, inner = get_args(shape)
    return {str(key): _read(inner, part, f"{path}.{key}") for key, part in value.items()}


def _read_scalar(shape: Any, value: JSON, path: str) -> Any:
    if shape is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, shape) or (shape is not bool and isinstance(value, bool)):
        raise ShapeError(f"{path}: expected {shape.__name__}, got {type(value).__name__}")
    return value


_GENERIC_READERS = {
    Union: _read_optional,
    types.UnionType: _read_optional,
    list: _read_list,
    dict: _read_mapping,
}


def write(value: Any) -> JSON:
    """Return the document of a value; fields that hold their default are left out."""
    if hasattr(value, "to_json"):
        return value.to_json()
    if is_dataclass(value):
        return {
            camel(field.name): write(part)
            for field in fields(value)
            if (part := getattr(value, field.name)) != _default(field)
        }
    if isinstance(value, list):
        return [write(part) for part in value]
    if isinstance(value, dict):
        return {key: write(part) for key, part in value.items()}
    return value


def _default(field: Any) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return field.default
