"""Whether a server may hold an audit log at all, and how much of a cluster may."""

import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from sas_service.adapters.redis.failures import translated, unavailable
from sas_service.adapters.redis.nodes import send
from sas_service.domain.errors import AuditLogUnavailable

_MOST_ASKED_AT_ONCE = 16

Facts = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Checked:
    """What each master said of itself, by name, and which of them will not do."""

    fit: Mapping[str, Facts]
    failed: Mapping[str, AuditLogUnavailable]

    def told(self, parts: Mapping[str, str]) -> Facts:
        """Return it for people: no addresses, but hash slots. Raises if no master will do."""
        if not self.fit:
            raise next(iter(self.failed.values()), unavailable("has no server"))
        facts = next(iter(self.fit.values()))
        if not parts:
            return facts
        away = [{"slots": parts.get(name, ""), "detail": error.detail} for name, error in self.failed.items()]
        return {**facts, "masters": len(self.fit) + len(away), "away": away}


def check_masters(
    masters: Mapping[str, Redis], accepted: Mapping[str, bool], describe: Callable[[str, Redis], str], *, syncs: bool
) -> Checked:
    """Ask all masters side by side, so that one that hangs costs its time once; a lone server is asked as it is."""

    def ask(name: str) -> Facts | AuditLogUnavailable:
        try:
            facts = check_server(masters[name], **accepted)
            if syncs and appendfsync(masters[name]) == "everysec":
                # WAITAOF answers before the sync: known of Redis 7.2 and 7.4 (redis#13793), seen with Valkey 9.1.2.
                raise unavailable("syncs its file once a second (appendfsync everysec; always is needed)", unfit=True)
            return {**facts, "durability": describe(name, masters[name])}
        except AuditLogUnavailable as error:
            return error

    if len(masters) == 1:
        answers = {name: ask(name) for name in masters}
    else:
        with ThreadPoolExecutor(min(len(masters), _MOST_ASKED_AT_ONCE) or 1, thread_name_prefix="check") as pool:
            answers = dict(zip(masters, pool.map(ask, masters), strict=True))
    failed = {name: answer for name, answer in answers.items() if isinstance(answer, AuditLogUnavailable)}
    return Checked(
        {name: answer for name, answer in answers.items() if not isinstance(answer, AuditLogUnavailable)}, failed
    )


def check_server(
    redis: Redis, *, accept_eviction: bool = False, accept_no_persistence: bool = False, is_cluster: bool = False
) -> Mapping[str, object]:
    """Return what the server is, for people.

    Raises AuditLogUnavailable, naming everything that is wrong: a server that evicts keys, that does not persist
    them, that cannot write its file, that is a replica, or that is in a cluster without our knowing.
    """
    with translated():
        facts: Mapping[str, Any] = redis.info()
    cluster = _cluster_state(redis) if int(facts.get("cluster_enabled", 0)) else None
    evicts = int(facts.get("maxmemory", 0)) > 0 and facts.get("maxmemory_policy") != "noeviction"
    persists = int(facts.get("aof_enabled", 0)) == 1
    wrong = {
        f"evicts keys when it is full (maxmemory-policy {facts.get('maxmemory_policy')}; noeviction is needed)": evicts
        and not accept_eviction,
        "does not persist what it is told (appendonly is off)": not persists and not accept_no_persistence,
        "cannot write its append-only file": persists and facts.get("aof_last_write_status", "ok") != "ok",
        "is a read-only replica": facts.get("role") not in {"master", None},
        "is a node of a cluster (SAS_REDIS_CLUSTER is needed)": cluster is not None and not is_cluster,
        "is still loading its data": int(facts.get("loading", 0)) != 0,
    }
    reasons = [text for text, applies in wrong.items() if applies]
    if reasons:
        raise unavailable(" and ".join(reasons), unfit=True)
    if cluster == "fail":
        raise unavailable("has lost a part of its cluster")
    return {
        "server": f"{facts.get('server_name', 'redis')} {facts.get('valkey_version') or facts.get('redis_version')}",
        "appendOnly": persists,
        "maxmemoryPolicy": facts.get("maxmemory_policy"),
        "replicas": facts.get("connected_slaves", 0),
    }


def _cluster_state(redis: Redis) -> str:
    """Return ``ok``, or ``fail`` while a cluster answers nobody; empty where the server does not let us ask."""
    with translated():
        (told,) = send(redis, [("CLUSTER", "INFO")])
    found = re.search(r"cluster_state:(\w+)", str(told))
    return found[1] if found else ""


def appendfsync(redis: Redis) -> str:
    """Return when the server syncs its file: ``always``, ``everysec``, ``no``; '' where it does not let us ask."""
    with translated():
        try:
            return str(redis.config_get("appendfsync").get("appendfsync") or "")
        except ResponseError:
            return ""
