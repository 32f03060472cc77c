"""Starts a Redis Cluster of three real Valkeys on free ports, and ends each by its process id."""

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis import Redis, RedisCluster
from redis.crc import key_slot
from redis.exceptions import RedisError

from tests.valkey_process import RunningValkey, start_valkey

MASTERS = 3
_SLOTS = 16_384
_LIMIT = 20.0
_PORT_TRIES = 5
_CONFIG: dict[str, str | int] = {
    "cluster_enabled": "yes",
    "cluster_config_file": "nodes.conf",
    "cluster_node_timeout": 1000,
    # Otherwise one master's death takes all accounts away.
    "cluster_require_full_coverage": "no",
}


@dataclass
class RunningCluster:
    """Started masters; the first has the first third of the slots, and so on."""

    directory: Path
    masters: list[RunningValkey]

    @property
    def url(self) -> str:
        return self.masters[0].url

    @property
    def addresses(self) -> str:
        """All masters, as ``SAS_REDIS_CLUSTER_NODES`` has them."""
        return ",".join(f"127.0.0.1:{each.port}" for each in self.masters)

    @contextmanager
    def client(self) -> Iterator[RedisCluster]:
        """A plain client for the test's own questions."""
        with RedisCluster.from_url(self.url, decode_responses=True) as client:
            yield client
            client.disconnect_connection_pools()

    def holder_of(self, name: str) -> RunningValkey:
        return self.masters[master_of(name)]

    def restart(self, number: int) -> None:
        """Start a master that was ended again, with its files and on its port."""
        self.masters[number] = _start(self.directory, number, self.masters[number].port)

    def flush(self) -> None:
        """Forget all data and all scripts."""
        for each in self.masters:
            with each.client() as client:
                client.flushall()

    def wait(self) -> None:
        """Wait until every master says that all is well."""
        deadline = time.monotonic() + _LIMIT
        while not all(_is_well(each) for each in self.masters):
            assert time.monotonic() < deadline, "the cluster is not well"
            time.sleep(0.05)

    def stop(self) -> None:
        for each in self.masters:
            each.stop()


def master_of(name: str) -> int:
    """Return the number of the master that has the keys with this hash tag."""
    return min(key_slot(b"{" + name.encode() + b"}:") * MASTERS // _SLOTS, MASTERS - 1)


def start_cluster(directory: Path) -> RunningCluster:
    """Start it, give out the slots, and wait until it is well."""
    running = RunningCluster(directory, [])
    try:
        running.masters += [_start(directory, number, port) for number, port in enumerate(_free_ports(MASTERS))]
        for number, each in enumerate(running.masters):
            with each.client() as client:
                first, end = (_bound(number), _bound(number + 1))
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, end - 1)
                client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        with running.masters[0].client() as client:
            for each in running.masters[1:]:
                client.execute_command("CLUSTER", "MEET", "127.0.0.1", each.port)
        running.wait()
    except BaseException:
        running.stop()
        raise
    return running


def _bound(number: int) -> int:
    """Return the first slot of a master: the smallest one that ``master_of`` gives to it."""
    return -(-number * _SLOTS // MASTERS)


def _start(directory: Path, number: int, port: int) -> RunningValkey:
    return start_valkey(directory / f"master-{number}", port=port, **_CONFIG)


def _is_well(master: RunningValkey) -> bool:
    try:
        with master.client() as client:
            told: dict[str, str] = _info(client)
    except RedisError:
        return False
    return told["cluster_state"] == "ok" and told["cluster_known_nodes"] == str(MASTERS)


def _info(client: Redis) -> dict[str, str]:
    execute: Callable[..., Any] = client.execute_command
    return dict(line.split(":", 1) for line in execute("CLUSTER", "INFO").splitlines())


def _free_ports(count: int) -> Sequence[int]:
    """Return ports that are free, and so are those of their cluster buses (10,000 higher)."""
    found: list[int] = []
    for port in range(20_000 + (time.monotonic_ns() // 1000) % 10_000, 55_000):
        if len(found) == count:
            break
        if _is_free(port) and _is_free(port + 10_000):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
