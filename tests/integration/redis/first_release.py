"""The first release's writer, frozen: its scripts, its keys, its texts. It shares nothing with the code of today."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from redis import Redis

from sas_service.domain.audit import EventDraft
from sas_service.domain.tokens import TokenRecord

_FOLDER = Path(__file__).parent / "first_layout"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def restore(redis: Redis) -> list[list[Any]]:
    """Put back what the first release's own code once wrote; return the events as it served them."""
    saved = json.loads((_FOLDER / "dump.json").read_text())
    for key, (kind, value) in saved["keys"].items():
        if kind == "string":
            redis.set(key, value)
        elif kind == "hash":
            redis.hset(key, mapping=value)
        elif kind == "set":
            redis.sadd(key, *value)
        elif kind == "zset":
            redis.zadd(key, dict(value))
        else:
            for number, fields in value:
                redis.xadd(key, {name: fields[name] for name in ("e", "t", "m")}, id=number)
    served: list[list[Any]] = saved["served"]
    return served


class FirstRelease:
    """Reserves, commits, settles and appends as a process of the first release did."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._reserve = redis.register_script(_script("events", "reserve"))
        self._commit = redis.register_script(_script("events", "written_before", "commit"))
        self._settle = redis.register_script(_script("events", "settle"))
        self._append = redis.register_script(_script("events", "append"))

    def issue(self, live: TokenRecord, reserved: EventDraft, issued: EventDraft) -> str:
        """Reserve and commit; return the text of the issued event."""
        tag, suffix, grant = "{" + live.grant.account + "}:", live.id.rpartition(".")[2], live.grant
        slot = f"{grant.signing_key}|{grant.identity}"
        keys = [f"{tag}token:{suffix}", f"{tag}open", f"{tag}slots", f"{tag}suspended", f"{tag}slot:{slot}"]
        idempotency = [f"{tag}idempotency:-", f"{tag}token:{suffix}"]
        nothing: list[Any] = ["", "", "", "", "", 1]
        answer = self._reserve(
            keys=[*keys, f"{tag}slots-used", *_event_keys(reserved), *idempotency],
            args=[
                *(suffix, _record(live, "reserved"), _ms(live.issued_at) + 30_000, grant.epoch),
                *(slot, _ms(grant.expiry), _ms(live.issued_at), 10**15, "team:x", "client:x", "profile:x"),
                *nothing,
                *_event_words(reserved),
            ],
        )
        assert answer[0] == "RESERVED", answer
        pair = json.dumps([grant.team, grant.profile], separators=(",", ":"))
        mark = live.fingerprints[-1]
        lists = [f"{tag}issued", f"{tag}issued:{pair}", f"{tag}issued-pairs"]
        answer = self._commit(
            keys=[
                f"{tag}token:{suffix}",
                f"{tag}open",
                f"{tag}slots",
                f"{tag}fp:{mark[:4]}",
                *lists,
                *_event_keys(issued),
            ],
            args=[
                *(suffix, _record(live, "live"), grant.epoch, mark[4:], _ms(live.issued_at)),
                *(f'"kind":"{issued.kind}",', pair, *_event_words(issued)),
            ],
        )
        assert answer[0] == "DONE", answer
        return str(answer[1][1])

    def append(self, draft: EventDraft) -> str:
        """Append an event; return its text."""
        tag = "{" + draft.stream + "}:"
        answer = self._append(keys=[*_event_keys(draft), f"{tag}once"], args=["", "", *_event_words(draft)])
        return str(answer[0][1])

    def read(self, account: str, suffix: str) -> dict[str, Any]:
        """Read a record as the first release did; fails for anything that it could not read."""
        members: dict[str, Any] = json.loads(str(self._redis.get("{" + account + "}:token:" + suffix)))
        return {name: members[name] for name in ("state", "team", "profile", "key", "identity", "caller", "fps")}

    def events(self, stream: str) -> list[str]:
        """Read a whole stream as the first release did."""
        entries: Any = self._redis.xrevrange("{" + stream + "}:events")
        return [fields["e"] for _, fields in entries]


def _script(*names: str) -> str:
    return "\n".join((_FOLDER / f"{name}.lua").read_text() for name in names)


def _event_keys(draft: EventDraft) -> list[str]:
    tag = "{" + draft.stream + "}:"
    name = (draft.token or "-").removeprefix(f"{draft.stream}.")
    return [f"{tag}events", f"{tag}events:seq", f"{tag}events:teams", f"{tag}events:tokens:{name[-3:]}"]


def _event_words(draft: EventDraft) -> list[str]:
    name = (draft.token or "").removeprefix(f"{draft.stream}.")
    text = json.dumps(draft.document(), separators=(",", ":"))
    return [json.dumps(draft.stream), text, draft.team or "", name[:-3]]


def _record(record: TokenRecord, state: str) -> str:
    grant = record.grant
    members: dict[str, object | None] = {
        "state": state,
        "team": grant.team,
        "profile": grant.profile,
        "epoch": grant.epoch,
        "key": grant.signing_key.value,
        "identity": grant.identity,
        "principal": grant.principal_id,
        "regions": grant.regions,
        "rate": grant.max_rate_per_second,
        "start": _ms(grant.start) // 1000,
        "expiry": _ms(grant.expiry) // 1000,
        "policy": grant.policy_digest,
        "caller": dict(record.caller),
        "issued": (record.issued_at - _EPOCH) // timedelta(microseconds=1),
        "request": record.request_id,
        "fps": record.fingerprints or None,
        "azure": record.azure_request_id,
        "attempts": record.attempts or None,
        "reason": record.reason,
        "labels": dict(record.labels) or None,
    }
    return json.dumps({name: value for name, value in members.items() if value is not None}, separators=(",", ":"))


def _ms(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(milliseconds=1)
