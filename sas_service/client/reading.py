"""How members of an answer are read: what is odd becomes nothing, what a terminal would obey is taken out."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sas_service.domain.iso8601 import parse_instant


def plain(value: object) -> str:
    """Return ``value`` as text that a terminal only shows: escape sequences and other controls become ``?``."""
    return "".join(character if character.isprintable() else "?" for character in str(value))


def text(document: Mapping[str, Any], name: str) -> str:
    """Return a member as text, empty if it is not there."""
    value = document.get(name)
    return "" if value is None else plain(value)


def texts(value: object) -> tuple[str, ...]:
    """Return a list of texts; a text with commas counts as one."""
    if isinstance(value, str):
        return tuple(plain(part.strip()) for part in value.split(",") if part.strip())
    return tuple(map(plain, value)) if isinstance(value, list | tuple) else ()


def number(value: object) -> int:
    """Return a whole number, 0 if it is none."""
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0


def instant(value: object) -> datetime | None:
    """Return an instant, None if it is none."""
    try:
        return parse_instant(value) if isinstance(value, str) else None
    except ValueError:
        return None


def mappings(value: object) -> tuple[Mapping[str, Any], ...]:
    """Return the objects of a list."""
    return tuple(each for each in value if isinstance(each, Mapping)) if isinstance(value, list) else ()


def mapping(value: object) -> Mapping[str, Any]:
    """Return an object, an empty one if it is none."""
    return value if isinstance(value, Mapping) else {}
