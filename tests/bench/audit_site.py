"""A Valkey filled with as many tokens as wanted, by the service's own scripts in pipelines, from a seeded generator."""

import hashlib
import random
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from redis import Redis

from sas_service.adapters.redis.audit_log import RedisAuditLog
from sas_service.adapters.redis.connection import Limits, connect
from sas_service.adapters.redis.server import Durability, Script, Server
from sas_service.adapters.token_ids import suffix
from sas_service.domain.audit import EventDraft, EventKind
from sas_service.domain.slots import SigningKey
from sas_service.domain.token_events import about, asked_details, granted_details
from sas_service.domain.tokens import Grant, TokenRecord, TokenRequest, TokenState
from sas_service.ports import Reservation
from tests.valkey_process import RunningValkey, start_valkey

ACCOUNT = "maps-demo"
START = datetime(2026, 1, 1, tzinfo=UTC)
STEP = timedelta(seconds=7.5)
LIFETIMES = [timedelta(minutes=15), timedelta(hours=1), timedelta(hours=1), timedelta(days=1), timedelta(days=30)]
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
        self._calls.append(("EVALSHA", self._shas[script.sha], len(keys), *keys, *arguments))
        return ["RESERVED", ["1", "{}"]]

    def run_durably(self, script: Script, keys: Sequence[str], arguments: Sequence[str | int]) -> Any:
        self.run(script, keys, arguments)
        return ["DONE", ["1", "{}"]]

    def flush(self) -> None:
        # redis-py's own packing would take most of the time.
        connection: Any = self._client.connection_pool.get_connection()
        connection.send_packed_command([b"".join(map(_packed, self._calls))])
        answers = [connection.read_response() for _ in self._calls]
        self._client.connection_pool.release(connection)
        assert all(answer[0] in {"RESERVED", "DONE"} for answer in answers), answers[:2]
        self._calls.clear()


class AuditSite:
    """The server, an audit log over it, and the tokens as the generator makes them."""

    def __init__(self, directory: Path) -> None:
        self.valkey: RunningValkey = start_valkey(directory, appendonly="no", save="")
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
        self.count = 0

    def used(self) -> int:
        return int(self.redis.info("memory")["used_memory"])

    def fill(self, count: int) -> None:
        """Write tokens until there are ``count``; shows how far it is."""
        while self.count < count:
            for _ in range(min(_BATCH, count - self.count)):
                self._write(self.token(self.count))
                self.count += 1
            self._pipe.flush()
            if self.count % 20_000 == 0 or self.count == count:
                print(f"\r{self.count:>9,} of {count:,} tokens", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)

    def token(self, number: int) -> TokenRecord:
        """Return the next token of the generator."""
        dice = self._random
        at = START + number * STEP + timedelta(milliseconds=dice.randrange(1000))
        team, key, lifetime = dice.randrange(20), dice.choice(list(SigningKey)), dice.choice(LIFETIMES)
        application = team * 2 + dice.randrange(2)
        user = dice.randrange(20_000) if dice.random() < 0.3 else None
        profile = dice.randrange(3)
        start = at.replace(microsecond=0)
        grant = Grant(
            account=ACCOUNT,
            profile=f"web-{team}-{profile}",
            team=f"team-{team}",
            epoch=1,
            signing_key=key,
            identity=f"web-{dice.choice('ab')}",
            principal_id=uuid_of(f"principal {team}"),
            regions=("eastus", "westeurope"),
            max_rate_per_second=50,
            start=start,
            expiry=start + lifetime,
            policy_digest=hashlib.sha256(str(number // 100_000).encode()).hexdigest(),
        )
        caller = {
            "tenantId": uuid_of("tenant"),
            "objectId": uuid_of(f"application {application}" if user is None else f"user {user}"),
            "applicationId": uuid_of(f"client {application}"),
            "kind": "application" if user is None else "user",
        }
        return TokenRecord(
            id=f"{ACCOUNT}.{suffix(at, dice.getrandbits(74))}",
            grant=grant,
            caller=caller,
            state=TokenState.LIVE,
            issued_at=at,
            request_id=uuid_of(f"request {number}"),
            fingerprints=(hashlib.sha256(str(number).encode()).hexdigest(),),
            azure_request_id=uuid_of(f"azure {number}"),
            attempts=1,
            reason="page load" if number % 10 == 0 else None,
            labels={"page": "checkout"} if number % 5 == 0 else {},
        )

    def _write(self, live: TokenRecord) -> None:
        """Write what services/issue.py writes."""
        at, told = live.issued_at, about
        asked = asked_details(TokenRequest(profile=live.grant.profile, lifetime=live.grant.expiry - live.grant.start))
        reserved = told(live, EventKind.RESERVED, at, live.request_id, asked=asked, granted=granted_details(live.grant))
        record = replace(live, state=TokenState.RESERVED, fingerprints=(), azure_request_id=None, attempts=0)
        self._writer.reserve(Reservation(record, reserved, at + timedelta(seconds=30)))
        issued: EventDraft = told(
            live,
            EventKind.ISSUED,
            at + timedelta(milliseconds=400),
            live.request_id,
            fingerprint=live.fingerprint,
            azureRequestId=live.azure_request_id,
            attempts=1,
        )
        self._writer.commit(live, issued)


def _packed(call: tuple[str | int, ...]) -> bytes:
    words = [str(word).encode() for word in call]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


@lru_cache(50_000)
def uuid_of(of: str) -> str:
    digits = hashlib.sha256(of.encode()).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:32]}"
