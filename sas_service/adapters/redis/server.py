"""Runs scripts and reads against one server, and waits until what was written is durable."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib import resources
from typing import Any

from redis import Redis
from redis.exceptions import NoScriptError, ResponseError

from sas_service.adapters.redis.connection import appendfsync, check_server
from sas_service.adapters.redis.failures import translated, unavailable
from sas_service.adapters.redis.keys import EVENT_KEYS, stream_of
from sas_service.adapters.redis.wire import Command, Wire, raised
from sas_service.domain.errors import AuditLogUnavailable

_Words = Sequence[str | int]


class Script:
    """A Lua script, made of one or more files of ``lua/`` in this order."""

    __slots__ = ("numbers_events", "sha", "text")

    def __init__(self, *names: str) -> None:
        self.numbers_events = "events" in names
        folder = resources.files(__package__) / "lua"
        self.text = "\n".join((folder / f"{name}.lua").read_text("utf-8") for name in names)
        self.sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    def call(self, keys: Sequence[str], arguments: _Words) -> tuple[str | int, ...]:
        """Return the command that runs this script by its digest."""
        return ("EVALSHA", self.sha, len(keys), *keys, *arguments)


@dataclass(frozen=True, slots=True)
class Durability:
    """What has to be true before a write counts: synced to the server's own file, and known to so many replicas."""

    local: bool = True
    replicas: int = 0
    timeout: timedelta = timedelta(seconds=2)


class Server:
    """One Redis, spoken to in scripts and pipelines; every failure is AuditLogUnavailable."""

    def __init__(
        self,
        redis: Redis,
        *,
        durability: Durability | None = None,
        accept_eviction: bool = False,
        accept_no_persistence: bool = False,
    ) -> None:
        self._redis = redis
        self._execute: Callable[..., Any] = redis.execute_command
        self._wire = Wire(redis)
        self._durability = durability or Durability(local=not accept_no_persistence)
        self._accepted = {"accept_eviction": accept_eviction, "accept_no_persistence": accept_no_persistence}
        self._has_waitaof: bool | None = None
        self._refusals: dict[str, str] = {}
        self._floors: dict[str, int] = {}
        self.layout = 1
        """In which layout to write: the first until ``Migrations.guard`` knows that every process reads the second."""
        self.known_words: dict[str, dict[str, str]] = {}
        """Account -> what was read of its dictionary (``words.py``)."""
        self._unfit = False

    @property
    def durability(self) -> Durability:
        """What has to be true before a write counts."""
        return self._durability

    def refuse(self, why: str | None, topic: str = "schema") -> None:
        """Run no script from now on, because the server ``why``; None ends it, as far as this topic goes."""
        if why is None:
            self._refusals.pop(topic, None)
        else:
            self._refusals[topic] = why

    def raise_floor(self, stream: str, seq: int) -> None:
        """Remember that ``seq`` is a number of ``stream`` that the mirror has: no script gives it out again."""
        self._floors[stream] = max(seq, self._floors.get(stream, 0))

    @property
    def floors(self) -> Mapping[str, int]:
        """The highest number of each stream that this process knows to be in the mirror."""
        return dict(self._floors)

    def check(self) -> Mapping[str, object]:
        """Return what the server is and how its writes become durable; raises AuditLogUnavailable if it will not do."""
        try:
            facts = check_server(self._redis, **self._accepted)
            if self._durability.local and appendfsync(self._redis) == "everysec":
                # WAITAOF answers before the sync: known of Redis 7.2 and 7.4 (redis#13793), seen with Valkey 9.1.2.
                raise unavailable("syncs its file once a second (appendfsync everysec; always is needed)", unfit=True)
        except AuditLogUnavailable as error:
            # Nothing is written to it either, until a later check finds it fit: upkeep asks every few seconds.
            self._unfit = self._unfit or "unfit" in error.extra
            raise
        self._unfit = False
        # Asked anew each time: a failover may lead to a server of another version or configuration.
        self._has_waitaof = None
        words = self._confirmation()
        by = " ".join(str(word) for word in words) if words else "appendfsync always" if self._durability.local else "-"
        return {**facts, "durability": by}

    def run(self, script: Script, keys: Sequence[str], arguments: _Words) -> Any:
        """Run a script atomically and return its answer."""
        self._demand_permission()
        with translated():
            return raised(self._scripts(script, [self._call(script, keys, arguments)]))[0]

    def run_durably(self, script: Script, keys: Sequence[str], arguments: _Words) -> Any:
        """Run a script and return its answer when what it wrote is durable; otherwise raise AuditLogUnavailable."""
        self._demand_permission()
        with translated():
            words = self._confirmation()
            # One connection: WAIT and WAITAOF speak of the writes of the connection that they are sent on.
            answers = raised(self._scripts(script, [self._call(script, keys, arguments), *([words] if words else [])]))
        if words:
            self._demand_confirmation(answers[1])
        return answers[0]

    def read(self, *commands: _Words) -> list[Any]:
        """Return the answers of several commands in one round trip."""
        if not commands:
            return []
        with translated():
            if len(commands) == 1:
                return [self._execute(*commands[0])]
            return list(raised(self._pipelined(commands)))

    def run_all(self, script: Script, calls: Sequence[tuple[Sequence[str], _Words]]) -> list[Any]:
        """Run a script several times in one round trip, one call after the other; for reading, and for repairs."""
        self._demand_permission()
        commands = [self._call(script, keys, arguments) for keys, arguments in calls]
        with translated():
            return list(raised(self._scripts(script, commands))) if commands else []

    def _call(self, script: Script, keys: Sequence[str], arguments: _Words) -> tuple[str | int, ...]:
        if script.numbers_events:
            # The last word: the number that the stream must have reached, or the server has lost something.
            arguments = (*arguments, self._floors.get(stream_of(keys[-EVENT_KEYS]), 0))
        return script.call(keys, arguments)

    def _demand_permission(self) -> None:
        for why in tuple(self._refusals.values()):
            raise unavailable(why)
        if self._unfit:
            raise unavailable("is configured so that records may be lost; /readyz says how")

    def _scripts(self, script: Script, commands: Sequence[Command]) -> list[Any]:
        """Return the answers; commands are sent again when the server does not know ``script``, and so did nothing."""
        answers = self._wire.ask(*commands)
        if any(isinstance(answer, NoScriptError) for answer in answers):
            self._redis.script_load(script.text)
            answers = self._wire.ask(*commands)
        return answers

    def _pipelined(self, commands: Sequence[_Words]) -> list[Any]:
        with self._redis.pipeline(transaction=False) as pipeline:
            queue: Callable[..., Any] = pipeline.execute_command
            for words in commands:
                queue(*words)
            return list(pipeline.execute(raise_on_error=False))

    def _confirmation(self) -> tuple[str | int, ...] | None:
        """Return the command that waits for durability; None where nothing is left to wait for."""
        wanted = self._durability
        if not wanted.local and not wanted.replicas:
            return None
        # Read once: ``check`` in another thread may forget the answer between two looks at it.
        has_waitaof = self._has_waitaof
        if has_waitaof is None:
            has_waitaof = self._has_waitaof = self._detect_waitaof()
        milliseconds = int(wanted.timeout.total_seconds() * 1000)
        if has_waitaof:
            return ("WAITAOF", int(wanted.local), wanted.replicas, milliseconds)
        return ("WAIT", wanted.replicas, milliseconds) if wanted.replicas else None

    def _detect_waitaof(self) -> bool:
        with translated():
            try:
                # Asks for nothing and returns at once. (redis-py 8.1 stumbles on COMMAND INFO of an unknown command.)
                self._execute("WAITAOF", 0, 0, 1)
            except ResponseError:
                if self._durability.local and appendfsync(self._redis) != "always":
                    raise unavailable("does not sync each write: it needs WAITAOF or appendfsync always") from None
                return False
        return True

    def _demand_confirmation(self, answer: Any) -> None:
        wanted = self._durability
        local, replicas = answer if isinstance(answer, list) else (1, int(answer))
        if int(local) < int(wanted.local):
            raise unavailable("did not sync its file in time")
        if int(replicas) < wanted.replicas:
            raise unavailable("has too few replicas that confirmed the write in time")
