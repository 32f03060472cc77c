"""Where commands go: to the one server there is; ``cluster.py`` does the same for many."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from redis import Redis
from redis.exceptions import ResponseError

from sas_service.adapters.redis.wire import Wire

Words = Sequence[str | int]
"""One command."""

Batch = tuple[str, Sequence[Words]]
"""A key, and commands that go to its server, in this order and on one connection: WAITAOF speaks of those before it."""

ONLY = "only"
"""The name of a server that stands alone."""


class Nodes(Protocol):
    """The servers that hold the data. A reply that is an error of one command is an answer, not raised."""

    def exchange(self, batches: Sequence[Batch]) -> list[list[Any]]:
        """Return the answers of each batch; one round trip per server."""

    def run(self, batches: Sequence[Batch]) -> list[list[Any]]:
        """Do the same past what redis-py's client does around each command; replies are taken as they come."""

    def name_of(self, key: str) -> str:
        """Return the name of the server that holds ``key``."""

    def holder_of(self, key: str) -> Redis:
        """Return the client of that server, for what is said of it alone."""

    def masters(self) -> Mapping[str, Redis]:
        """Return every server that is written to, by name."""

    def parts(self) -> Mapping[str, str]:
        """Return which hash slots each server holds, for people; empty where there is one server."""


class Alone:
    """One server."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._wire = Wire(redis) if hasattr(redis, "connection_pool") else None

    def exchange(self, batches: Sequence[Batch]) -> list[list[Any]]:
        """Send everything in one pipeline."""
        return _split(batches, send(self._redis, [words for _, commands in batches for words in commands]))

    def run(self, batches: Sequence[Batch]) -> list[list[Any]]:
        """Send everything at once, past what redis-py's client does around each command."""
        if self._wire is None:
            return self.exchange(batches)  # a migration, through redis-py's own client of a cluster
        if len(batches) == 1:
            return [self._wire.ask(*batches[0][1])]
        return _split(batches, self._wire.ask(*(words for _, commands in batches for words in commands)))

    def name_of(self, _key: str) -> str:
        """Return the one name."""
        return ONLY

    def holder_of(self, _key: str) -> Redis:
        """Return the one."""
        return self._redis

    def masters(self) -> Mapping[str, Redis]:
        """Return the one."""
        return {ONLY: self._redis}

    def parts(self) -> Mapping[str, str]:
        """Return nothing: it holds all."""
        return {}


def _split(batches: Sequence[Batch], answers: Sequence[Any]) -> list[list[Any]]:
    each = iter(answers)
    return [[next(each) for _ in commands] for _, commands in batches]


def send(redis: Redis, commands: Sequence[Words]) -> list[Any]:
    """Send ``commands`` on one connection and return the answers; raises what keeps them from coming at all."""
    if len(commands) == 1:
        execute: Callable[..., Any] = redis.execute_command
        try:
            return [execute(*commands[0])]
        except ResponseError as error:
            return [error]
    with redis.pipeline(transaction=False) as pipeline:
        queue: Callable[..., Any] = pipeline.execute_command
        for words in commands:
            queue(*words)
        return list(pipeline.execute(raise_on_error=False))
