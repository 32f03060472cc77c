"""The segments of a mirror on a disk: the NDJSON files of every process that ever wrote there."""

import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from sas_service.domain.errors import MirrorUnavailable

_INDEX = ".index"
_MODE = 0o600
T = TypeVar("T")


class SegmentFiles:
    """The port ``Segments`` of a directory; the index of ``x.ndjson`` is ``x.ndjson.index``."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def sizes(self) -> Mapping[str, int]:
        """Return every segment and its size; none where the directory is not there yet."""

        def look() -> Mapping[str, int]:
            try:
                with os.scandir(self._directory) as entries:
                    return {each.name: each.stat().st_size for each in entries if each.name.endswith(".ndjson")}
            except FileNotFoundError:
                return {}

        return _reading(look)

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes of a segment."""

        def look() -> bytes:
            try:
                with (self._directory / name).open("rb") as file:
                    file.seek(offset)
                    return file.read(length)
            except FileNotFoundError:
                return b""

        return _reading(look)

    def read_index(self, name: str) -> str | None:
        """Return the index beside a segment."""
        path = self._directory / (name + _INDEX)
        return _reading(lambda: path.read_text("utf-8") if path.exists() else None)

    def write_index(self, name: str, text: str) -> None:
        """Put an index in the place of an older one. It is not synced: without it the segment is read again."""
        draft = self._directory / f".{name}.{secrets.token_hex(4)}"

        def write() -> None:
            try:
                with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE), "w") as file:
                    file.write(text)
                draft.replace(self._directory / (name + _INDEX))
            finally:
                draft.unlink(missing_ok=True)

        _reading(write)


def _reading(look: Callable[[], T]) -> T:
    try:
        return look()
    except (OSError, UnicodeDecodeError):
        # ``from None``: the error names paths.
        raise MirrorUnavailable("The audit mirror cannot be read.") from None
