"""Gives tokens of the first layout their places in the lists of the second; the migrations call it."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from redis import Redis, RedisCluster

from sas_service.adapters.redis.askers import Asker
from sas_service.adapters.redis.keys import MIGRATION_PROGRESS, MIGRATIONS, Keys
from sas_service.adapters.redis.lifetimes import lifetime_class
from sas_service.adapters.redis.records import Records
from sas_service.adapters.redis.server import Server
from sas_service.domain.tokens import TokenRecord

_BATCH = 500
_log = logging.getLogger(__name__)


def has_lists(redis: Redis | RedisCluster) -> bool:
    """Tell whether any account has tokens that the first layout lists."""
    return any(True for _ in _accounts(redis))


def server_seconds(redis: Redis | RedisCluster) -> int:
    """Return the time, in seconds since 1970, of the server that has the schema: by it migrations are timed."""
    ask: Callable[..., Any] = redis.eval
    return int(ask("return redis.call('TIME')[1]", 1, MIGRATIONS))


def copy_lists(redis: Redis | RedisCluster, *, progress: str, drain: bool = False) -> None:
    """Copy every account's list, 500 tokens at a time; with ``drain``, take what was copied out of the old one.

    How far it is stands in the log and in ``{service}:schema:progress`` under ``<progress>:<account>``.
    """
    # Each read is a single command, for which redis-py's cluster client finds the server itself.
    records = Records(Server(cast("Redis", redis)))
    for account in sorted(_accounts(redis)):
        old, done = Keys(account).issued, 0
        total = int(redis.zcard(old))
        while rows := _rows(redis, old, 0 if drain else done):
            found = records.of([(account, suffix) for suffix, _ in rows])
            _place(redis, account, [(row, each) for row, each in zip(rows, found, strict=True) if each])
            if drain:
                redis.zrem(old, *(suffix for suffix, _ in rows))
            done += len(rows)
            redis.hset(MIGRATION_PROGRESS, f"{progress}:{account}", f"{done}/{max(total, done)}")
            _log.info("%s: %s of about %s tokens of %s", progress, done, max(total, done), account)


def _place(redis: Redis | RedisCluster, account: str, rows: Sequence[tuple[tuple[str, float], TokenRecord]]) -> None:
    keys = Keys(account)
    owners = _owners(redis, keys, [Asker.of(record) for _, record in rows])
    with redis.pipeline(transaction=False) as pipeline:
        for (suffix, score), record in rows:
            lifetime, who = lifetime_class(record), Asker.of(record)
            pipeline.zadd(keys.issued_for(lifetime), {suffix: score})
            pipeline.sadd(keys.lifetimes, lifetime)
            if who.application:
                own = keys.issued_to_application(who.application, for_itself=who.for_itself)
                pipeline.zadd(own, {suffix: score})
            if who.object_id and (owners.get(who.object_id) != who.application or not who.for_itself):
                pipeline.zadd(keys.issued_to_object(who.object_id), {suffix: score})
        pipeline.execute()


def _owners(redis: Redis | RedisCluster, keys: Keys, askers: Sequence[Asker]) -> Mapping[str, str]:
    """Return of which application's list each object id is in; the first application keeps it, as in commit.lua."""
    own = {who.object_id: who.application for who in askers if who.for_itself and who.object_id}
    for object_id, application in own.items():
        redis.hsetnx(keys.applications, object_id, application)
    found: list[Any] = redis.hmget(keys.applications, list(own)) if own else []
    return dict(zip(own, found, strict=True))


def _accounts(redis: Redis | RedisCluster) -> Iterator[str]:
    for key in redis.scan_iter(match="{*}:issued", count=1000):
        yield str(key)[1:].partition("}:")[0]


def _rows(redis: Redis | RedisCluster, key: str, first: int) -> list[tuple[str, float]]:
    rows: list[Any] = redis.zrange(key, first, first + _BATCH - 1, withscores=True)
    return [(str(suffix), float(score)) for suffix, score in rows]
