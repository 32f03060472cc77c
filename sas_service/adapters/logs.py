"""Logs: one JSON object a line on standard error, and a net for secrets as the last thing before it is written."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

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


def _mask(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {name: each if name.startswith("_") else masked(each) for name, each in event.items()}


def configure_logs(level: str) -> None:
    """Send our own logs and those of every library through the same net; ``level`` is the least that is written."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.processors.format_exc_info],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _mask,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for chatty in ("azure", "urllib3", "msal"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
