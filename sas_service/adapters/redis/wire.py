"""Commands on the wire: redis-py's connections and errors, without what its client does around each single command.

The client spends three times as long on metrics nobody reads, retries that are switched off and the pool's lock as on
packing, sending and parsing. Pool, connections, time-outs, TLS and login stay redis-py's.
"""

import os
from collections import deque
from collections.abc import Sequence
from typing import Any

from hiredis import pack_command
from redis import Redis
from redis.exceptions import ConnectionError as Unreachable
from redis.exceptions import ResponseError

_LEFT_TO_OTHERS = 4
"""Connections of the pool that are never kept here: the client's own commands take them."""

Command = Sequence[str | int]


class Wire:
    """Sends commands whose answers are taken as they come; connections of ``redis``' pool are kept between calls."""

    def __init__(self, redis: Redis) -> None:
        self._pool: Any = redis.connection_pool
        self._most = max(0, int(getattr(self._pool, "max_connections", 0)) - _LEFT_TO_OTHERS)
        # The last used is taken first; append and pop of a deque need no lock.
        self._idle: deque[Any] = deque()
        self._owner = os.getpid()

    def ask(self, *commands: Command) -> list[Any]:
        """Return the answers of ``commands``, sent together on one connection; an error is returned in its place.

        Raises what redis-py raises when the server cannot be reached; nothing is sent a second time.
        """
        packed = b"".join(pack_command(tuple(words)) for words in commands)  # type: ignore[arg-type]  # of any length
        connection = self._take()
        try:
            connection.send_packed_command([packed], check_health=False)
            answers = [_answer(connection) for _ in commands]
        except BaseException:
            # Something may still be under way on it: it is never used again.
            connection.disconnect()
            self._pool.release(connection)
            raise
        if len(self._idle) < self._most:
            self._idle.append(connection)
        else:
            self._pool.release(connection)
        return answers

    def _take(self) -> Any:
        if self._owner != os.getpid():
            # The other side of a fork: those are the parent's.
            self._idle, self._owner = deque(), os.getpid()
        try:
            connection = self._idle.pop()
        except IndexError:
            return self._pool.get_connection()
        if _is_stale(connection):
            # The server closed it, or it holds half an answer; as the pool does, once.
            connection.disconnect()
            _connect(connection, self._pool)
        return connection


def _is_stale(connection: Any) -> bool:
    try:
        return bool(connection.can_read())
    except (Unreachable, OSError):
        return True


def _connect(connection: Any, pool: Any) -> None:
    try:
        connection.connect()
    except BaseException:
        pool.release(connection)
        raise


def _answer(connection: Any) -> Any:
    try:
        return connection.read_response()
    except ResponseError as refusal:
        return refusal
