"""How one setting is declared: read, explained, and defaulted as it would be written."""

from collections.abc import Callable
from dataclasses import field
from typing import Any


def setting(
    parse: Callable[[str], Any], meaning: str, *, default: str | None = None, optional: bool = False
) -> Any:  # a dataclass field; its value has the type that parse returns
    """Declare one setting: how it is read, what it means, and its default as it would be written."""
    metadata = {"parse": parse, "meaning": meaning, "default": default, "optional": optional}
    if default is not None:
        return field(default_factory=lambda: parse(default), metadata=metadata)
    return field(default=None, metadata=metadata) if optional else field(metadata=metadata)
