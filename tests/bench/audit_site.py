"""A Valkey filled with as many tokens as wanted, by the service's own scripts or by what they would write."""

import os
import random
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from redis import Redis

from sas_service.adapters.redis.audit_log import RedisAuditLog
from sas_service.adapters.redis.connection import Limits, connect
from sas_service.adapters.redis.server import Durability, Script, Server
from sas_service.domain.tokens import TokenRecord
from sas_service.ports import Reservation
from tests.bench.generator import drafts_of, draw, reserved, token_of
from tests.bench.quick_fill import QuickFill, send
from tests.valkey_process import RunningValkey, start_valkey

_BATCH = 500
_LONG = timedelta(days=365_000)


class _Pipelined(Server):
    """Collects what the adapters would run, and answers as if all went well."""

    def __init__(self, redis: Redis) -> None:
        super().__init__(redis, durability=Durability(local=False))
        self.layout = 2
        self._client = redis
        self._calls: list[tuple[str | int, ...]] = []
        self._shas: dict[str, str] = {}

    def run(self, script: Script, keys: Sequence[str], arguments: Sequence[str | int]) -> Any:
        if script.sha not in self._shas:
            # The events say times of their own; they are not late because of it.
            text = script.text.replace("LATE_MS = 120000", "LATE_MS = 1e15")
            self._shas[script.sha] = str(self._client.script_load(text))
        _, _, *words = self._call(script, keys, arguments)
        self._calls.append(("EVALSHA", self._shas[script.sha], *words))
        return ["RESERVED", ["1", "{}"], 0]

    def run_durably(self, script: Script, keys: Sequence[str], arguments: Sequence[str | int]) -> Any:
        self.run(script, keys, arguments)
        return ["DONE", ["1", "{}"]]

    def flush(self) -> None:
        answers = send(self._client, self._calls)
        assert all(answer[0] in {"RESERVED", "DONE"} for answer in answers), answers[:2]
        self._calls.clear()


class AuditSite:
    """The server, an audit log over it, and the tokens as the generator makes them."""

    def __init__(self, directory: Path) -> None:
        small_pages = os.environ.get("SAS_BENCH_DISABLE_THP", "yes")
        self.valkey: RunningValkey = start_valkey(directory, appendonly="no", save="", disable_thp=small_pages)
        patient = Limits(connect=timedelta(seconds=5), read=timedelta(seconds=120))
        self.redis = connect(self.valkey.url, limits=patient)
        server = Server(self.redis, durability=Durability(local=False), accept_no_persistence=True)
        server.layout = 2
        self.log = RedisAuditLog(server, max_clock_skew=_LONG)
        self.empty = self.used()
        self.redis.hset("{maps-demo}:slots", mapping={"epoch": "1", "signingKey": "primaryKey"})
        self._random = random.Random(7)  # noqa: S311  a seeded generator is what is wanted
        self._pipe = _Pipelined(self.redis)
        self._writer = RedisAuditLog(self._pipe, max_clock_skew=_LONG)
        self._quick = QuickFill(self.redis)
        self.count = 0

    def used(self) -> int:
        return int(self.redis.info("memory")["used_memory"])

    def fill(self, count: int, *, quickly: bool = True) -> None:
        """Write tokens until there are ``count``; shows how far it is.

        ``quickly``: what the service's scripts would write, without running them (quick_fill.py).
        """
        begun = time.monotonic()
        while self.count < count:
            numbers = range(self.count, min(count, self.count + _BATCH))
            if quickly:
                self._quick.write([draw(self._random, number) for number in numbers])
            else:
                for number in numbers:
                    self._write(token_of(draw(self._random, number)))
                self._pipe.flush()
            self.count = numbers.stop
            if self.count % 20_000 == 0 or self.count == count:
                took = time.monotonic() - begun
                print(f"\r{self.count:>9,} of {count:,} tokens, {took:.0f} s", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)

    def _write(self, live: TokenRecord) -> None:
        """Write what services/issue.py writes."""
        first, second = drafts_of(live)
        self._writer.reserve(Reservation(reserved(live), first, live.issued_at + timedelta(seconds=30)))
        self._writer.commit(live, second)
