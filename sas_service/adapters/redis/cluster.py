"""A Redis Cluster: finds the master of each key, follows slots that move, and leaves a silent master alone for a while.

redis-py's own client is not used for serving: its pipelines may send a script and the WAITAOF behind it on different
connections, and its retries know nothing of our deadlines.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from redis import Redis, RedisCluster
from redis.crc import key_slot
from redis.exceptions import (
    AskError,
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,  # noqa: A004  redis-py's, which is no OSError
    MovedError,
    RedisError,
    TimeoutError,  # noqa: A004  the same
    TryAgainError,
)

from sas_service.adapters.redis.nodes import Batch, Words, send
from sas_service.adapters.redis.wire import Wire

Address = tuple[str, int]
"""Host and port."""

_Send = Callable[[Address, Sequence[Words]], list[Any]]
"""Sends a master commands and returns its answers."""

SLOTS = 16_384
_TRIES = 5
_PAUSE = 0.05
"""Seconds before the second try, doubled each time: all tries together take less than a second."""
_LOOK_AGAIN_AFTER = 1.0
_LEFT_ALONE = 2.0
"""Seconds for which nobody asks a master that did not answer; then one request tries, and the others still do not."""
_REDIRECTED = (MovedError, AskError, TryAgainError, ClusterDownError)


class Cluster:
    """The masters of a cluster; implements ``Nodes``. Nothing is sent before the first command."""

    def __init__(
        self,
        begin: Sequence[Address],
        *,
        connect_to: Callable[[Address], Redis],
        whole: Callable[[], RedisCluster],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._begin = tuple(begin)
        self._connect_to = connect_to
        self._whole = whole
        self._clock = clock
        self._clients: dict[Address, Redis] = {}
        self._wires: dict[Address, Wire] = {}
        self._table: list[Address | None] = []
        self._looked_at = float("-inf")
        self._is_stale = True
        self._left_alone: dict[Address, float] = {}
        self._guard = threading.Lock()
        self._looking = threading.Lock()

    @contextmanager
    def whole(self) -> Iterator[RedisCluster]:
        """Lend redis-py's own client of all of it, for migrations: they send single commands and may take long."""
        with self._whole() as whole:
            try:
                yield whole
            finally:
                # Its ``close`` leaves connections open.
                whole.disconnect_connection_pools()

    def close(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            client.close()

    def exchange(self, batches: Sequence[Batch]) -> list[list[Any]]:
        """Send each master what is for it; what it refers elsewhere is sent there."""
        return self._exchange(batches, lambda master, commands: send(self._client(master), commands))

    def run(self, batches: Sequence[Batch]) -> list[list[Any]]:
        """Do the same past what redis-py's client does around each command."""
        return self._exchange(batches, lambda master, commands: self._wire(master).ask(*commands))

    def _exchange(self, batches: Sequence[Batch], sending: _Send) -> list[list[Any]]:
        by_master: dict[Address, list[int]] = {}
        for number, (key, _) in enumerate(batches):
            by_master.setdefault(self._master_of(key), []).append(number)
        found: dict[int, list[Any]] = {}
        for master, numbers in by_master.items():
            answers = iter(self._ask(master, [words for each in numbers for words in batches[each][1]], sending))
            found |= {each: [next(answers) for _ in batches[each][1]] for each in numbers}
        return [self._followed(batch, found[number], sending) for number, batch in enumerate(batches)]

    def name_of(self, key: str) -> str:
        """Return the address of the master of ``key``."""
        return _name(self._master_of(key))

    def holder_of(self, key: str) -> Redis:
        """Return the client of the master of ``key``."""
        return self._client(self._master_of(key))

    def masters(self) -> Mapping[str, Redis]:
        """Return every master that has slots, as the cluster says now."""
        self._look(patient=True)
        return {_name(master): self._client(master) for master in sorted({each for each in self._table if each})}

    def parts(self) -> Mapping[str, str]:
        """Return the slots of each master, as ``0-5460,7000``."""
        table, begun = self._table, 0
        ranges: dict[str, list[str]] = {}
        for slot in range(1, len(table) + 1):
            if slot == len(table) or table[slot] != table[begun]:
                if owner := table[begun]:
                    ranges.setdefault(_name(owner), []).append(
                        f"{begun}-{slot - 1}" if slot - begun > 1 else f"{begun}"
                    )
                begun = slot
        return {name: ",".join(texts) for name, texts in ranges.items()}

    def _followed(self, batch: Batch, answers: list[Any], sending: _Send) -> list[Any]:
        """Send a batch again for as long as its master refers us elsewhere or asks us to wait."""
        key, commands = batch
        for attempt in range(_TRIES):
            redirected = next((each for each in answers if isinstance(each, _REDIRECTED)), None)
            if redirected is None:
                return answers
            # A script that a batch has run already is one that may be repeated: each of ours may.
            if isinstance(redirected, MovedError):
                self._learn(redirected)
                answers = self._ask(self._master_of(key), commands, sending)
            elif isinstance(redirected, AskError):
                there = (redirected.host, redirected.port)
                # It speaks of the next command alone.
                asking = [each for words in commands for each in (("ASKING",), words)]
                answers = self._ask(there, asking, sending)[1::2]
            else:
                time.sleep(_PAUSE * 2**attempt)
                self._is_stale = True
                answers = self._ask(self._master_of(key), commands, sending)
        return answers

    def _ask(self, master: Address, commands: Sequence[Words], sending: _Send) -> list[Any]:
        self._demand_turn(master)
        try:
            answers = sending(master, commands)
        except (ConnectionError, TimeoutError, OSError) as error:
            self._is_stale = True
            if isinstance(error, TimeoutError) and not isinstance(error, BusyLoadingError):
                self._left_alone[master] = self._clock() + _LEFT_ALONE
            raise
        if self._left_alone:
            self._left_alone.pop(master, None)
        return answers

    def _demand_turn(self, master: Address) -> None:
        """Raise at once for a master that hangs: who waits for it holds a thread that other accounts need."""
        if master not in self._left_alone:
            return
        with self._guard:
            now = self._clock()
            if self._left_alone.get(master, now) > now:
                raise TimeoutError("did not answer a moment ago")
            self._left_alone[master] = now + _LEFT_ALONE

    def _master_of(self, key: str) -> Address:
        if self._is_stale:
            self._look(patient=not self._table)
        master = self._table[key_slot(key.encode())] if self._table else None
        if master is None:
            raise ClusterDownError("no master has this slot")
        return master

    def _client(self, master: Address) -> Redis:
        with self._guard:
            if master not in self._clients:
                self._clients[master] = self._connect_to(master)
            return self._clients[master]

    def _wire(self, master: Address) -> Wire:
        wire = self._wires.get(master)
        if wire is None:
            wire = self._wires.setdefault(master, Wire(self._client(master)))
        return wire

    def _learn(self, moved: MovedError) -> None:
        """Believe one answer at once, and look at all the others soon."""
        with self._guard:
            table = list(self._table)
            owner = table[moved.slot_id]
            table[moved.slot_id] = (moved.host or (owner[0] if owner else ""), moved.port)
            self._table, self._is_stale = table, True

    def _look(self, *, patient: bool) -> None:
        """Ask who holds what; once a second at most, and by one thread, while the others go by what is known."""
        if not self._looking.acquire(blocking=patient):
            return
        try:
            if self._clock() - self._looked_at >= _LOOK_AGAIN_AFTER:
                self._looked_at = self._clock()
                self._ask_around()
            if not self._table:
                raise ConnectionError("no node answers")
        finally:
            self._looking.release()

    def _ask_around(self) -> None:
        answered: list[RedisError | OSError] = []
        for address in dict.fromkeys((*self._trusted(), *self._begin)):
            try:
                self._table = _table(send(self._client(address), [("CLUSTER", "SLOTS")])[0], address)
            except (RedisError, OSError) as error:
                answered.append(error)
            else:
                self._is_stale = False
                return
        if not self._table:
            raise answered[0]

    def _trusted(self) -> list[Address]:
        known = dict.fromkeys(each for each in self._table if each)
        return [each for each in known if each not in self._left_alone]


def _table(answer: Any, asked: Address) -> list[Address | None]:
    if isinstance(answer, Exception):
        raise answer
    table: list[Address | None] = [None] * SLOTS
    for first, last, (host, port, *_), *_replicas in answer:
        # A node that does not know its own name leaves it out: it is the one that we asked.
        table[first : last + 1] = [(host or asked[0], int(port))] * (last - first + 1)
    return table


def _name(address: Address) -> str:
    return f"{address[0]}:{address[1]}"
