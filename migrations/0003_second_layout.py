"""Contract, first half: from here on processes that know the first schema alone refuse to serve.

It changes no data. Each process looks at the schema with its upkeep, so the last of the older ones stops soon after.
"""

from redis import Redis, RedisCluster

MIN_READER = 2
CONTRACT = True
"""Not run by a plain ``migrate``: whoever deploys says that the older release is gone."""


def upgrade(redis: Redis | RedisCluster) -> None:
    """Do nothing: what counts is that it is on record."""
