"""Writes down that the first schema is in use; its layout is told in docs/storage.md.

Each migration is forward-only and idempotent: it may be run again, also from where an earlier run was cut off.
"""

from redis import Redis, RedisCluster

MIN_READER = 1
"""The oldest schema that a process has to know to serve what this migration leaves behind."""


def upgrade(redis: Redis | RedisCluster) -> None:
    """Register the service's own stream, so that the worker finds it; everything else begins with its first write."""
    redis.sadd("{service}:streams", "service")
