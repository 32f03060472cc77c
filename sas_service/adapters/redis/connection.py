"""A Redis client with explicit limits, of one server or of a cluster."""

import re
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from redis import BlockingConnectionPool, Redis, RedisCluster
from redis.backoff import NoBackoff
from redis.retry import Retry

from sas_service.adapters.redis.cluster import Address, Cluster

_REDIS_PORT = 6379

Client = Redis | Cluster
"""What ``Server`` and ``Migrations`` are given."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long anything may take: ``read`` has to be longer than the durability's timeout."""

    connect: timedelta = timedelta(seconds=1)
    read: timedelta = timedelta(seconds=3)
    connections: int = 16


def connect(
    url: str,
    *,
    username: str | None = None,
    password: str | None = None,
    ca_file: str | None = None,
    limits: Limits | None = None,
    admit: Callable[[str], None] | None = None,
) -> Redis:
    """Return a client of ``url`` (``redis://``, ``rediss://``, ``unix://``); nothing is sent yet.

    ``admit`` is asked for each new connection with a word that is another one after every restart and failover of the
    server; it may raise NotAdmitted.

    Raises ValueError, which never quotes the URL: it may hold a password.
    """
    limits = limits or Limits()
    options = _options(url, username, password, ca_file, limits)
    # Only here: redis-py's cluster client makes pools of its own.
    waits = {"max_connections": limits.connections, "timeout": limits.connect.total_seconds()}
    if admit is not None:
        options["redis_connect_func"] = _introduced(admit)
    client = Redis(connection_pool=BlockingConnectionPool.from_url(url, **options, **waits))
    client.auto_close_connection_pool = True
    return client


def connect_cluster(
    url: str,
    *,
    also: Sequence[Address] = (),
    username: str | None = None,
    password: str | None = None,
    ca_file: str | None = None,
    limits: Limits | None = None,
    admit: Callable[[str], None] | None = None,
) -> Cluster:
    """Return a client of the cluster that the node of ``url`` belongs to; nothing is sent yet.

    ``also``: further nodes to begin with, should that one be away. Every node is spoken to with the same login, and
    over TLS if the URL says so. Raises ValueError as ``connect`` does.
    """
    limits = limits or Limits()
    options = _options(url, username, password, ca_file, limits)
    parts = urlsplit(url)
    if parts.scheme == "unix" or parts.hostname is None:
        raise ValueError("a Redis cluster is reached by redis:// or rediss://, and has no unix socket")
    if parts.path not in {"", "/", "/0"}:
        raise ValueError("a Redis cluster has only database 0")
    login, at, _ = parts.netloc.rpartition("@")

    def connect_to(address: Address) -> Redis:
        host, port = address
        place = f"{login}{at}[{host}]:{port}" if ":" in host else f"{login}{at}{host}:{port}"
        node = urlunsplit((parts.scheme, place, "", "", ""))
        return connect(node, username=username, password=password, ca_file=ca_file, limits=limits, admit=admit)

    return Cluster(
        [(parts.hostname, parts.port or _REDIS_PORT), *also],
        connect_to=connect_to,
        whole=lambda: RedisCluster.from_url(url, require_full_coverage=False, **options),
    )


def _options(
    url: str, username: str | None, password: str | None, ca_file: str | None, limits: Limits
) -> dict[str, Any]:
    scheme = _checked_scheme(url)
    options: dict[str, Any] = {
        "decode_responses": True,
        "protocol": 2,
        "client_name": "sas-service",
        # redis-py would try ten times: a write whose reply was lost must be repeated by id, or not at all.
        "retry": Retry(NoBackoff(), 0),
        "socket_connect_timeout": limits.connect.total_seconds(),
        "socket_timeout": limits.read.total_seconds(),
    }
    if username is not None:
        options["username"] = username
    if password is not None:
        options["password"] = password
    if scheme == "rediss":
        options |= {"ssl_min_version": ssl.TLSVersion.TLSv1_2, "ssl_cert_reqs": "required", "ssl_ca_certs": ca_file}
    return options


def _introduced(admit: Callable[[str], None]) -> Callable[[Any], None]:
    def introduce(connection: Any) -> None:
        connection.on_connect()
        said = ""
        for section in ("server", "replication"):
            connection.send_command("INFO", section, check_health=False)
            said += str(connection.read_response())
        admit(incarnation(said))

    return introduce


def incarnation(info: str) -> str:
    """Return from the text of INFO which life of which server this is: its run id and its replication id."""
    return "/".join(re.findall(r"^(?:run_id|master_replid):(\w+)", info, re.MULTILINE))


def _checked_scheme(url: str) -> str:
    try:
        parts = urlsplit(url)
        port_is_sound = parts.scheme == "unix" or parts.port != 0
    except ValueError:
        raise ValueError("the Redis URL cannot be read") from None
    if parts.scheme not in {"redis", "rediss", "unix"} or not port_is_sound:
        raise ValueError("the Redis URL begins with redis://, rediss:// or unix://")
    if parts.query or parts.fragment:
        # redis-py lets them override timeouts, retries and the verification of certificates.
        raise ValueError("the Redis URL has no parameters: use the settings")
    return parts.scheme
