"""Which schema the data has, and whether this release may serve it."""

from dataclasses import dataclass

from sas_service.adapters.redis.keys import SCHEMA
from sas_service.adapters.redis.server import Server
from sas_service.domain.errors import SchemaOutOfRange


@dataclass(frozen=True, slots=True)
class Known:
    """The schemas that a process knows: it needs data of at least ``oldest``, and was written for ``newest``."""

    oldest: int
    newest: int


KNOWN = Known(oldest=1, newest=4)
"""What this release knows."""

SECOND_LAYOUT = 4
"""From this schema on every process reads the second layout, so it may be written."""


@dataclass(frozen=True, slots=True)
class Schema:
    """What is stored: the number of the newest migration, and the oldest ``newest`` that may still serve it."""

    current: int
    min_reader: int


def read_schema(server: Server) -> Schema:
    """Return the stored schema; 0 before the first migration. Raises AuditLogUnavailable."""
    (stored,) = server.read(("HMGET", SCHEMA, "current", "minReader"))
    current, min_reader = (int(text or 0) for text in stored)
    return Schema(current, min_reader)


def check_schema(server: Server, known: Known = KNOWN) -> Schema:
    """Return the stored schema if a process that knows ``known`` may serve it.

    Newer data is fine as long as its ``minReader`` is known: that is what lets old and new processes run side by
    side. Raises SchemaOutOfRange, AuditLogUnavailable.
    """
    schema = read_schema(server)
    if schema.current < known.oldest:
        raise SchemaOutOfRange(
            f"The data has schema {schema.current}, this release needs {known.oldest}: run `sas-service migrate`."
        )
    if schema.min_reader > known.newest:
        raise SchemaOutOfRange(
            f"The data may be served from schema {schema.min_reader} on, this release knows {known.newest}: update it."
        )
    return schema
