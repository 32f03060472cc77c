"""Expand: gives every token that the first release listed its place in the lists of the second layout, in batches.

Processes of both releases serve meanwhile. The newer ones write the old list and the new ones; what the older ones
still write is found through the old list, which every query reads besides, until 0004 empties it.
"""

from redis import Redis, RedisCluster

from sas_service.adapters.redis.backfill import copy_lists

MIN_READER = 1


def upgrade(redis: Redis | RedisCluster) -> None:
    """Copy; safe to repeat from where an earlier run was cut off."""
    copy_lists(redis, progress="0002_copy_lists")
