"""Runs scripts and reads against one server or a cluster of them, and waits until what was written is durable."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib import resources
from typing import Any

from redis import Redis
from redis.exceptions import NoScriptError, ResponseError

from sas_service.adapters.redis.checks import appendfsync, check_masters
from sas_service.adapters.redis.cluster import Cluster
from sas_service.adapters.redis.failures import is_loss, translated, unavailable
from sas_service.adapters.redis.floors import Floors
from sas_service.adapters.redis.keys import EVENT_KEYS, Keys, stream_of
from sas_service.adapters.redis.nodes import Alone, Batch, Nodes, Words, send
from sas_service.domain.apart import for_each


class Script:
    """A Lua script, made of one or more files of ``lua/`` in this order.

    A pair of names makes a function of a whole script, with KEYS and ARGV of its own, for what comes after it.
    """

    __slots__ = ("numbers_events", "restores", "sha", "text")

    def __init__(self, *names: str | tuple[str, str]) -> None:
        self.numbers_events = "events" in names
        self.restores = "restore" in names
        self.text = "\n".join(map(_source, names))
        self.sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    def call(self, keys: Sequence[str], arguments: Words) -> tuple[str | int, ...]:
        """Return the command that runs this script by its digest."""
        return ("EVALSHA", self.sha, len(keys), *keys, *arguments)


def _source(name: str | tuple[str, str]) -> str:
    if isinstance(name, tuple):
        return f"local function {name[0]}(KEYS, ARGV)\n{_source(name[1])}\nend"
    return (resources.files(__package__) / "lua" / f"{name}.lua").read_text("utf-8")


_BEGIN = Script("begin_stream")


@dataclass(frozen=True, slots=True)
class Durability:
    """What has to be true before a write counts: synced to the server's own file, and known to so many replicas."""

    local: bool = True
    replicas: int = 0
    timeout: timedelta = timedelta(seconds=2)


class Server:
    """One Redis, or a cluster, spoken to in scripts and pipelines; every failure is AuditLogUnavailable.

    All keys of a script lie in one cluster slot (``keys.py``); what it says of a server it says of each master alone.
    """

    def __init__(
        self,
        redis: Redis | Cluster,
        *,
        durability: Durability | None = None,
        accept_eviction: bool = False,
        accept_no_persistence: bool = False,
    ) -> None:
        self._nodes: Nodes = redis if isinstance(redis, Cluster) else Alone(redis)
        self._durability = durability or Durability(local=not accept_no_persistence)
        self._accepted = {
            "accept_eviction": accept_eviction,
            "accept_no_persistence": accept_no_persistence,
            "is_cluster": self.is_cluster,
        }
        self._has_waitaof: dict[str, bool] = {}
        self._refusals: dict[str, str] = {}
        self.floors = Floors()
        self.layout = 1
        """In which layout to write: the first until ``Migrations.guard`` knows that every process reads the second."""
        self.known_words: dict[str, dict[str, str]] = {}
        """Account -> what was read of its dictionary (``words.py``)."""
        self._unfit: frozenset[str] = frozenset()

    @property
    def durability(self) -> Durability:
        """What has to be true before a write counts."""
        return self._durability

    @property
    def is_cluster(self) -> bool:
        """Whether a part may be away while the others serve."""
        return isinstance(self._nodes, Cluster)

    def refuse(self, why: str | None, topic: str = "schema") -> None:
        """Run no script from now on, because the server ``why``; None ends it, as far as this topic goes."""
        if why is None:
            self._refusals.pop(topic, None)
        else:
            self._refusals[topic] = why

    def begin(self, streams: Sequence[str]) -> None:
        """Make sure that ``streams`` are there; once this process knows that, one that is missing has been flushed.

        Where they lie on one server this takes one round trip, so a server that hangs costs one time-out. It waits for
        no durability: what is lost of it costs one refusal and a comparison with the mirror.
        """
        missing = [stream for stream in streams if self.floors.of(stream) < 0]
        for_each([[each] for each in missing] if self.is_cluster else [missing], self._begin)

    def _begin(self, streams: Sequence[str]) -> None:
        if streams:
            self.run_all(_BEGIN, [((Keys(stream).last_seq,), ()) for stream in streams])
        for stream in streams:
            self.floors.begin(stream)

    def check(self) -> Mapping[str, object]:
        """Return what the servers are and how their writes become durable.

        Raises AuditLogUnavailable if no server will do. A cluster of which a part will do says which is ``away``:
        the accounts that lie there are answered 503, and all others served.
        """
        with translated():
            masters = self._nodes.masters()
        # Asked anew each time: a failover may lead to a server of another version or configuration.
        self._has_waitaof = {}
        found = check_masters(masters, self._accepted, self._describe, syncs=self._durability.local)
        # Nothing is written to it either, until a later check finds it fit: upkeep asks every few seconds.
        silent = self._unfit & found.failed.keys()
        self._unfit = frozenset(silent | {name for name, error in found.failed.items() if "unfit" in error.extra})
        return found.told(self._nodes.parts())

    def run(self, script: Script, keys: Sequence[str], arguments: Words) -> Any:
        """Run a script atomically and return its answer."""
        with translated():
            (answers,) = self._run(script, [(keys, arguments)])
        return answers[0]

    def run_durably(self, script: Script, keys: Sequence[str], arguments: Words) -> Any:
        """Run a script and return its answer when what it wrote is durable; otherwise raise AuditLogUnavailable."""
        with translated():
            self._demand_permission(keys[0])
            words = self._confirmation(keys[0])
            (answers,) = self._run(script, [(keys, arguments)], words)
        if words:
            self._demand_confirmation(answers[1])
        return answers[0]

    def read(self, *commands: Words) -> list[Any]:
        """Return the answers of several commands, whose keys are their second words, in one round trip per server."""
        with translated():
            answers = self._nodes.exchange([(str((*words, "")[1]), [words]) for words in commands])
            return [answer for (answer,) in _without_errors(answers)]

    def read_plain(self, *commands: Words) -> list[Any]:
        """Do what ``read`` does, for replies whose shape needs nothing of redis-py: flat lists stay flat."""
        with translated():
            answers = self._nodes.run([(str(words[1]), [words]) for words in commands])
            return [answer for (answer,) in _without_errors(answers)]

    def read_permitted(self, *commands: Words) -> list[Any]:
        """Do what ``read_plain`` does, but only where scripts may run, too: an unknown layout is not guessed at."""
        with translated():
            for words in commands:
                self._demand_permission(str(words[1]))
        return self.read_plain(*commands)

    def run_all(self, script: Script, calls: Sequence[tuple[Sequence[str], Words]]) -> list[Any]:
        """Run a script several times in one round trip per server; for reading, and for repairs."""
        with translated():
            return [answer for (answer,) in self._run(script, calls)]

    def _run(
        self, script: Script, calls: Sequence[tuple[Sequence[str], Words]], confirmation: Words | None = None
    ) -> list[list[Any]]:
        """Run each call, each followed by what waits for its durability."""
        then = [confirmation] if confirmation else []
        batches: list[Batch] = []
        for keys, arguments in calls:
            self._demand_permission(keys[0])
            batches.append((keys[0], [self._call(script, keys, arguments), *then]))
        answers = self._nodes.run(batches)
        forgotten = [number for number, (first, *_) in enumerate(answers) if isinstance(first, NoScriptError)]
        if forgotten:
            load = ("SCRIPT", "LOAD", script.text)
            again = [(key, [load, *commands]) for key, commands in (batches[number] for number in forgotten)]
            for number, (_, *got) in zip(forgotten, self._nodes.run(again), strict=True):
                answers[number] = got
        try:
            return _without_errors(answers)
        except ResponseError as error:
            self.floors.looks_lost |= is_loss(error)
            raise

    def _call(self, script: Script, keys: Sequence[str], arguments: Words) -> Words:
        if script.numbers_events:
            # The last word: the number that the stream must have reached, or the server has lost something.
            # Who gives back what was lost writes below it.
            floor = -1 if script.restores else self.floors.of(stream_of(keys[-EVENT_KEYS]))
            arguments = (*arguments, floor)
        return script.call(keys, arguments)

    def _demand_permission(self, key: str) -> None:
        for why in tuple(self._refusals.values()):
            raise unavailable(why)
        if self._unfit and self._nodes.name_of(key) in self._unfit:
            raise unavailable("is configured so that records may be lost; /readyz says how")

    def _describe(self, name: str, redis: Redis) -> str:
        """Return how the writes of a server become durable. Raises AuditLogUnavailable."""
        words = self._waiting(name, lambda: _detect_waitaof(redis, self._durability))
        if words:
            return " ".join(str(word) for word in words)
        return "appendfsync always" if self._durability.local else "-"

    def _confirmation(self, key: str) -> tuple[str | int, ...] | None:
        """Return the command that waits for durability; None where nothing is left to wait for."""
        name = self._nodes.name_of(key)
        return self._waiting(name, lambda: _detect_waitaof(self._nodes.holder_of(key), self._durability))

    def _waiting(self, name: str, detect: Callable[[], bool]) -> tuple[str | int, ...] | None:
        wanted = self._durability
        if not wanted.local and not wanted.replicas:
            return None
        # Read once: ``check`` in another thread may forget the answer between two looks at it.
        known = self._has_waitaof
        has_waitaof = known.get(name)
        if has_waitaof is None:
            has_waitaof = known[name] = detect()
        milliseconds = int(wanted.timeout.total_seconds() * 1000)
        if has_waitaof:
            return ("WAITAOF", int(wanted.local), wanted.replicas, milliseconds)
        return ("WAIT", wanted.replicas, milliseconds) if wanted.replicas else None

    def _demand_confirmation(self, answer: Any) -> None:
        wanted = self._durability
        local, replicas = answer if isinstance(answer, list) else (1, int(answer))
        if int(local) < int(wanted.local):
            raise unavailable("did not sync its file in time")
        if int(replicas) < wanted.replicas:
            raise unavailable("has too few replicas that confirmed the write in time")


def _detect_waitaof(redis: Redis, wanted: Durability) -> bool:
    with translated():
        # Asks for nothing and returns at once. (redis-py 8.1 stumbles on COMMAND INFO of an unknown command.)
        (answer,) = send(redis, [("WAITAOF", 0, 0, 1)])
        if isinstance(answer, ResponseError) and wanted.local and appendfsync(redis) != "always":
            raise unavailable("does not sync each write: it needs WAITAOF or appendfsync always")
    return not isinstance(answer, ResponseError)


def _without_errors(answers: list[list[Any]]) -> list[list[Any]]:
    for batch in answers:
        for answer in batch:
            if isinstance(answer, Exception):
                raise answer
    return answers
