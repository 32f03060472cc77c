"""Writes what the service's scripts would write for a token, at a fifth of their cost; a test holds both equal.

Recurring parts come from the service's own functions, once for each kind of token; the rest is put around them.
"""

import base64
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from redis import Redis

from sas_service.adapters.redis.event_text import EventText
from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.lifetimes import lifetime_class
from sas_service.adapters.redis.record_text import record_text
from sas_service.adapters.redis.token_lists import pair_of
from sas_service.adapters.redis.words import names_in, packed
from sas_service.adapters.token_ids import suffix
from sas_service.domain.iso8601 import format_duration, format_instant
from sas_service.domain.slots import SigningKey
from tests.bench.generator import ACCOUNT, SIGNING, START, STEP, Draw, drafts_of, token_of, uuid_of

Call = tuple[str | int, ...]
_KEYS = Keys(ACCOUNT)
_START_MS = int(START.timestamp() * 1000)


def send(client: Redis, calls: Iterable[Call]) -> list[Any]:
    """Run calls in one pipeline; redis-py's own packing would take most of the time."""
    packed_calls = list(map(_packed, calls))
    connection: Any = client.connection_pool.get_connection()
    connection.send_packed_command([b"".join(packed_calls)])
    answers = [connection.read_response() for _ in packed_calls]
    client.connection_pool.release(connection)
    return answers


def _packed(call: Call) -> bytes:
    words = [str(word).encode() for word in call]
    return b"*%d\r\n" % len(words) + b"".join([b"$%d\r\n%b\r\n" % (len(word), word) for word in words])


class QuickFill:
    """Knows where each chain stands, and what the dictionary has."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._seq = 0
        self._teams: dict[str, int] = {}
        self._applications: dict[str, int] = {}
        self._objects: dict[str, int] = {}
        self._words: set[str] = set()
        self._calls: list[Call] = []
        self._members: dict[str, list[str | int]] = defaultdict(list)
        self._fields: dict[str, dict[str, str | int]] = defaultdict(dict)
        self._named: dict[str, set[str]] = defaultdict(set)

    def write(self, drawn: Sequence[Draw]) -> None:
        """Write these tokens."""
        for each in drawn:
            self._add(each)
        calls = [*self._calls, *(("ZADD", key, *members) for key, members in self._members.items())]
        calls += [("SADD", key, *members) for key, members in self._named.items()]
        calls += [("HSET", key, *_flat(fields)) for key, fields in self._fields.items()]
        calls += [("SET", _KEYS.last_seq, self._seq), ("HSET", _KEYS.chains, "last", self._seq)]
        for answer in send(self._redis, calls):
            assert not isinstance(answer, Exception), answer
        self._calls, self._members = [], defaultdict(list)
        self._fields, self._named = defaultdict(dict), defaultdict(set)

    def _add(self, drawn: Draw) -> None:
        number, user = drawn.number, drawn.user
        kind = _kind(drawn.team, drawn.profile, drawn.key, drawn.identity, drawn.lifetime, number // 100_000)
        application = uuid_of(f"client {drawn.application}")
        object_id = uuid_of(f"application {drawn.application}" if user is None else f"user {user}")
        caller, caller_piece = _caller(drawn.application, user)
        self._learn({**kind.words, caller: caller_piece})
        token, issued = suffix(drawn.at, drawn.bits), _START_MS + int(number * STEP.total_seconds() * 1000) + drawn.ms
        start, lifetime = issued // 1000, int(drawn.lifetime.total_seconds())
        request, azure = uuid_of(f"request {number}"), uuid_of(f"azure {number}")
        fingerprint = hashlib.sha256(str(number).encode()).hexdigest()
        digits = base64.urlsafe_b64encode(bytes.fromhex(fingerprint)).decode().rstrip("=")
        more = ',"page load",{"page":"checkout"}' if number % 10 == 0 else ',null,{"page":"checkout"}'
        record = (
            f'["live","{kind.grant}","{caller}",{start},{lifetime},{issued}000,"{request}","{digits}","{azure}",1'
            f"{more if number % 5 == 0 else ''}]"
        )
        who = f'\x01{kind.prefix}{token}","caller":\x01{caller},"requestId":"{request}",'
        at = drawn.at
        begins = at.replace(microsecond=0)
        first = (
            f'~"kind":"reserved","at":"{format_instant(at)}",{who}{kind.asked},\x01{kind.granted}'
            f'{format_instant(begins)}","expiry":"{format_instant(begins + drawn.lifetime)}",\x01{kind.policy}}}}}'
        )
        second = (
            f'~"kind":"issued","at":"{format_instant(at + SIGNING)}",{who}"fingerprint":"{fingerprint}",'
            f'"azureRequestId":"{azure}","attempts":1}}'
        )
        self._append(first, second, kind.team, application, object_id)
        bucket, _, field = _KEYS.fingerprint(fingerprint)
        heads, name = _KEYS.token_head(token)
        self._calls += [("SET", _KEYS.token(token), record), ("HSET", bucket, field, token)]
        self._calls.append(("HSET", heads, name, self._seq))
        for key in (_KEYS.issued_as(kind.pair), _KEYS.issued_for(kind.lifetime)):
            self._members[key] += (issued, token)
        self._members[_KEYS.issued_to_application(application, for_itself=user is None)] += (issued, token)
        if user is None:
            self._fields[_KEYS.applications][object_id] = application
        else:
            self._members[_KEYS.issued_to_object(object_id)] += (issued, token)
        slot = f"{drawn.key}|{drawn.identity}"
        self._members[_KEYS.slot(slot)] += ((start + lifetime) * 1000, token)
        self._named[_KEYS.slots_used].add(slot)
        self._named[_KEYS.issued_pairs].add(kind.pair)
        self._named[_KEYS.lifetimes].add(str(kind.lifetime))

    def _append(self, first: str, second: str, team: str, application: str, object_id: str) -> None:
        seq = self._seq + 1
        before = (
            *("m", self._teams.get(team, 0), "a", self._applications.get(application, 0)),
            *("o", self._objects.get(object_id, 0), "r", 0),
        )
        self._calls.append(("XADD", _KEYS.events, f"{seq}-0", "e", first, "t", 0, *before))
        self._calls.append(
            ("XADD", _KEYS.events, f"{seq + 1}-0", "e", second, *("t", seq, "m", seq, "a", seq, "o", seq, "r", 0))
        )
        self._seq = self._teams[team] = self._applications[application] = self._objects[object_id] = seq + 1
        self._fields[_KEYS.team_heads][team] = self._seq
        self._fields[_KEYS.chains][f"a:{application}"] = self._seq
        self._fields[_KEYS.user_head(object_id)][object_id] = self._seq

    def _learn(self, words: dict[str, str]) -> None:
        if not words.keys() <= self._words:
            self._words.update(words)
            self._fields[_KEYS.words].update(words)


class _Kind:
    """What all tokens of a kind have in common, as the service itself writes it."""

    def __init__(self, drawn: Draw) -> None:
        live = token_of(drawn)
        text, event = record_text(live, 2), EventText.of(drafts_of(live)[0])
        short, pieces = packed(event.text[1:])
        self.grant, caller = text.text.split('"')[3], text.text.split('"')[5]
        self.prefix, _, self.granted, self.policy = names_in(short)
        self.words = {name: piece for name, piece in {**text.words, **pieces}.items() if name != caller}
        self.team, self.pair, self.lifetime = live.grant.team, pair_of(live), lifetime_class(live)
        self.asked = f'"asked":{{"profile":"{live.grant.profile}","lifetime":"{format_duration(drawn.lifetime)}"}}'


@lru_cache(100_000)
def _kind(team: int, profile: int, key: Any, identity: str, lifetime: Any, policy: int) -> _Kind:
    return _Kind(Draw(policy * 100_000, 0, team, key, lifetime, team * 2, None, profile, identity, 1))


@lru_cache(500_000)
def _caller(application: int, user: int | None) -> tuple[str, str]:
    drawn = Draw(1, 0, 0, SigningKey.PRIMARY, STEP, application, user, 0, "web-a", 1)
    return list(record_text(token_of(drawn), 2).words.items())[1]


def _flat(fields: dict[str, str | int]) -> list[str | int]:
    return [word for pair in fields.items() for word in pair]
