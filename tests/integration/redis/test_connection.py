"""Which servers and URLs are taken, and what is said about the others."""

import ssl
from datetime import timedelta

import pytest
from redis import SSLConnection
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    MaxConnectionsError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from sas_service.adapters.redis.checks import check_server
from sas_service.adapters.redis.connection import Limits, connect
from sas_service.adapters.redis.failures import translated
from sas_service.adapters.redis.server import Durability, Server
from sas_service.domain.errors import AuditLogUnavailable
from tests.integration.redis.conftest import Connect, Start


def test_a_sound_server_is_described(start: Start, connected: Connect) -> None:
    facts = Server(connected(start())).check()
    assert str(facts["server"]).startswith("valkey ")
    assert (facts["appendOnly"], facts["durability"]) == (True, "WAITAOF 1 0 2000")


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_a_server_that_evicts_is_refused_by_name(start: Start, connected: Connect, policy: str) -> None:
    redis = connected(start(maxmemory="100mb", maxmemory_policy=policy))
    with pytest.raises(AuditLogUnavailable, match=f"maxmemory-policy {policy}"):
        check_server(redis)
    check_server(redis, accept_eviction=True)


def test_a_server_without_a_limit_evicts_nothing(start: Start, connected: Connect) -> None:
    check_server(connected(start(maxmemory_policy="allkeys-lru")))
    check_server(connected(start("limited", maxmemory="100mb")))


def test_a_server_that_does_not_persist_is_refused(start: Start, connected: Connect) -> None:
    redis = connected(start(appendonly="no"))
    with pytest.raises(AuditLogUnavailable, match="appendonly"):
        Server(redis).check()
    assert Server(redis, accept_no_persistence=True).check()["durability"] == "-"


def test_everything_that_is_wrong_is_named_at_once(start: Start, connected: Connect) -> None:
    redis = connected(start(appendonly="no", maxmemory="100mb", maxmemory_policy="allkeys-lru"))
    with pytest.raises(AuditLogUnavailable, match=r"noeviction.* and .*appendonly"):
        check_server(redis)


def test_a_replica_is_refused(start: Start, connected: Connect) -> None:
    primary = start("primary")
    replica = start("replica", replicaof=f"127.0.0.1 {primary.port}")
    with pytest.raises(AuditLogUnavailable, match="replica"):
        check_server(connected(replica))


def test_a_wrong_password_is_told_without_it(start: Start) -> None:
    valkey = start()
    with valkey.client() as client:
        client.config_set("requirepass", "right-horse")
    redis = connect(valkey.url, password="wrong-horse")
    with redis, pytest.raises(AuditLogUnavailable, match="refuses our login") as refusal:
        check_server(redis)
    assert "horse" not in repr(refusal.value)
    with connect(valkey.url, password="right-horse") as redis:
        check_server(redis)
    with connect(valkey.url.replace("//", "//:right-horse@")) as redis:
        check_server(redis)


@pytest.mark.parametrize(
    "url",
    ["", "http://127.0.0.1", "127.0.0.1:6379", "redis://h:hunter2@x:port/0", "redis://:hunter2@h/0?socket_timeout=999"],
)
def test_a_wrong_url_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(ValueError, match="Redis URL") as refusal:
        connect(url)
    assert "hunter2" not in str(refusal.value)


def test_tls_is_verified_and_new_enough() -> None:
    redis = connect("rediss://:secret@redis.example:6380/0", ca_file="/etc/ca.pem")
    connection = redis.connection_pool.make_connection()
    assert isinstance(connection, SSLConnection)
    assert connection.ssl_min_version == ssl.TLSVersion.TLSv1_2
    assert connection.cert_reqs == ssl.CERT_REQUIRED
    assert connection.check_hostname


def test_nothing_is_retried_and_everything_has_a_limit() -> None:
    limits = Limits(connect=timedelta(seconds=1), read=timedelta(seconds=2), connections=7)
    pool = connect("redis://127.0.0.1:1/0", limits=limits).connection_pool
    assert pool.max_connections == 7
    assert pool.connection_kwargs["retry"].get_retries() == 0
    assert pool.connection_kwargs["socket_timeout"] == 2
    assert pool.connection_kwargs["socket_connect_timeout"] == 1


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RedisTimeoutError("secret"), "in time"),
        (RedisConnectionError("secret"), "cannot be reached"),
        (MaxConnectionsError("secret"), "no free connection"),
        (BusyLoadingError("secret"), "loading"),
        (AuthenticationError("secret"), "login"),
        (OutOfMemoryError("secret"), "full"),
        (ReadOnlyError("secret"), "read-only"),
        (MasterDownError("secret"), "primary"),
        (ClusterDownError("secret"), "cluster"),
        (RedisClusterException("secret"), "cluster"),
        (ResponseError("MISCONF secret"), "disk"),
        (ResponseError("NOREPLICAS secret"), "replicas"),
        (ResponseError("ERR secret"), "ResponseError"),
        (OSError("secret"), "cannot be reached"),
        (ssl.SSLError("secret"), "cannot be reached"),
    ],
)
def test_every_error_is_told_in_our_words(error: Exception, told: str) -> None:
    with pytest.raises(AuditLogUnavailable, match=told) as refusal, translated():
        raise error
    assert "secret" not in str(refusal.value)
    assert refusal.value.retry_after is not None


def test_an_exhausted_pool_is_refused(start: Start) -> None:
    limits = Limits(connect=timedelta(milliseconds=100), read=timedelta(seconds=1), connections=1)
    with connect(start().url, limits=limits) as redis:
        server = Server(redis, durability=Durability(local=False))
        taken = redis.connection_pool.get_connection()
        with pytest.raises(AuditLogUnavailable):
            server.read(("PING",))
        redis.connection_pool.release(taken)
        server.read(("PING",))
