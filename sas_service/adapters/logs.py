"""Logs: one JSON object a line on standard error, and a net for secrets as the last thing before it is written."""

import json
import logging
import os
import re
import sys
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from typing import Any, TextIO

import structlog

_SECRET_SHAPED = re.compile(
    r"eyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)*"  # a JWT: SAS tokens and bearers begin so
    r"|(?i:\b(?:bearer|jwt-sas)\s+)[^\s\"',]+"
    r"|(?<=://)[^/\s@:]*:[^/\s@]+(?=@)"  # user and password of a URL
)
_MASK = "[masked]"


def masked(value: object) -> object:
    """Return ``value`` with everything that is shaped like a secret masked, however deep it lies."""
    if isinstance(value, str):
        return _SECRET_SHAPED.sub(_MASK, value)
    if isinstance(value, Mapping):
        return {str(masked(str(name))): masked(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [masked(each) for each in value]
    return value if isinstance(value, int | float | bool | None) else masked(str(value))


_ENCODE = json.JSONEncoder().encode
"""Made once."""


def _rendered(_logger: object, _name: str, event: MutableMapping[str, Any]) -> str:
    """Return the line; most have nothing in them that could be a secret, and one look tells that."""
    with suppress(TypeError, ValueError):
        line = _ENCODE(event)
        if not _is_suspect(line):
            return line
    # What was masked has nothing in it that JSON does not know.
    return _ENCODE(masked(event))


def _is_suspect(line: str) -> bool:
    """Tell whether something in the JSON may be what the net is for; a ``u`` behind a backslash may be anything."""
    if "eyJ" in line or "://" in line or "\\u" in line:
        return True
    lower = line.lower()
    return "bearer" in lower or "jwt-sas" in lower


class _Lines:
    """Writes lines, and lets one go that cannot be written: a full disk of the logs must refuse no request."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        """Write a line if it can be written; past the stream's buffer, where a failed one would stay for ever."""
        with suppress(OSError, ValueError):
            os.write(self._stream.fileno(), f"{line}\n".encode(errors="replace"))

    log = debug = info = warn = warning = msg
    fatal = failure = err = error = critical = exception = msg


def configure_logs(level: str) -> None:
    """Send our own logs and those of every library through the same net; ``level`` is the least that is written.

    Our own lines, one for each request, do not go through logging: a record, a look for the calling frame and two
    formatters cost more than a hand-out.
    """
    shared: list[Any] = [structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True)]
    structlog.configure(
        processors=[*shared, _rendered],
        logger_factory=lambda *_: _Lines(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(level.lower()),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.processors.format_exc_info],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _rendered],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for chatty in ("azure", "urllib3", "msal"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
