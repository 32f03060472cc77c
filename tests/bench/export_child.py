"""Exports a stream and prints how many lines there were, and its own peak memory (KiB) after 20,000 and after all."""

import resource
import sys

from sas_service.adapters.redis.connection import connect
from sas_service.adapters.redis.event_streams import RedisEventStreams
from sas_service.adapters.redis.seals import RedisSeals
from sas_service.adapters.redis.server import Durability, Server
from sas_service.services.export import LogExport

EARLY = 20_000


def main(url: str, stream: str) -> None:
    server = Server(connect(url), durability=Durability(local=False), accept_no_persistence=True)
    lines = early = 0
    for _ in LogExport(streams=RedisEventStreams(server), seals=RedisSeals(server)).ndjson(stream):
        lines += 1
        if lines == EARLY:
            early = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(lines, early, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


main(*sys.argv[1:])
