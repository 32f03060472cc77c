"""A Redis client with explicit limits, and the check that a server may hold an audit log at all."""

import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from redis import BlockingConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError
from redis.retry import Retry

from sas_service.adapters.redis.failures import translated, unavailable


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
    scheme = _checked_scheme(url)
    options: dict[str, Any] = {
        "decode_responses": True,
        "protocol": 2,
        "client_name": "sas-service",
        # redis-py would try ten times: a write whose reply was lost must be repeated by id, or not at all.
        "retry": Retry(NoBackoff(), 0),
        "socket_connect_timeout": limits.connect.total_seconds(),
        "socket_timeout": limits.read.total_seconds(),
        "max_connections": limits.connections,
        "timeout": limits.connect.total_seconds(),
    }
    if username is not None:
        options["username"] = username
    if password is not None:
        options["password"] = password
    if scheme == "rediss":
        options |= {"ssl_min_version": ssl.TLSVersion.TLSv1_2, "ssl_cert_reqs": "required", "ssl_ca_certs": ca_file}
    if admit is not None:
        options["redis_connect_func"] = _introduced(admit)
    client = Redis(connection_pool=BlockingConnectionPool.from_url(url, **options))
    client.auto_close_connection_pool = True
    return client


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


def check_server(
    redis: Redis, *, accept_eviction: bool = False, accept_no_persistence: bool = False
) -> Mapping[str, object]:
    """Return what the server is, for people.

    Raises AuditLogUnavailable, naming everything that is wrong: a server that evicts keys, that does not persist
    them, that cannot write its file, or that is a replica.
    """
    with translated():
        facts: Mapping[str, Any] = redis.info()
    evicts = int(facts.get("maxmemory", 0)) > 0 and facts.get("maxmemory_policy") != "noeviction"
    persists = int(facts.get("aof_enabled", 0)) == 1
    wrong = {
        f"evicts keys when it is full (maxmemory-policy {facts.get('maxmemory_policy')}; noeviction is needed)": evicts
        and not accept_eviction,
        "does not persist what it is told (appendonly is off)": not persists and not accept_no_persistence,
        "cannot write its append-only file": persists and facts.get("aof_last_write_status", "ok") != "ok",
        "is a read-only replica": facts.get("role") not in {"master", None},
        "is still loading its data": int(facts.get("loading", 0)) != 0,
    }
    reasons = [text for text, applies in wrong.items() if applies]
    if reasons:
        raise unavailable(" and ".join(reasons), unfit=True)
    return {
        "server": f"{facts.get('server_name', 'redis')} {facts.get('valkey_version') or facts.get('redis_version')}",
        "appendOnly": persists,
        "maxmemoryPolicy": facts.get("maxmemory_policy"),
        "replicas": facts.get("connected_slaves", 0),
    }


def appendfsync(redis: Redis) -> str:
    """Return when the server syncs its file: ``always``, ``everysec``, ``no``; '' where it does not let us ask."""
    with translated():
        try:
            return str(redis.config_get("appendfsync").get("appendfsync") or "")
        except ResponseError:
            return ""
