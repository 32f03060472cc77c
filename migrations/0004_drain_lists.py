"""Contract, second half: waits until the older release has stopped, then moves what it listed since 0002.

When this is on record, processes begin to write records and events in the second layout.
"""

import time

from redis import Redis, RedisCluster

from sas_service.adapters.redis.backfill import copy_lists, has_lists, server_seconds

MIN_READER = 2
CONTRACT = True

GRACE_SECONDS = 60
"""How long after 0003 a process of the older release may go on: several rounds of its upkeep."""


def upgrade(redis: Redis | RedisCluster) -> None:
    """Move; safe to repeat. What a process that slept through all of this still lists is found all the same."""
    if not has_lists(redis):
        return
    since = redis.hget("{service}:schema:applied", "0003_second_layout")
    while server_seconds(redis) < int(since or 0) + GRACE_SECONDS:
        time.sleep(0.5)
    copy_lists(redis, progress="0004_drain_lists", drain=True)
