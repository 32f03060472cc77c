"""Lockdowns: one hash per account; the field ``frozen`` beside the epoch is what ``reserve`` reads."""

import json
from dataclasses import replace
from typing import Any

from sas_service.adapters.redis.failures import unavailable
from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.server import Script, Server
from sas_service.domain.errors import LeaseLost, NotFound, RevisionConflict
from sas_service.domain.lockdowns import Lockdown
from sas_service.domain.typed_json import from_json, to_json
from sas_service.ports import Lease

_WRITE = Script("fences", "write_lockdown")
_ATTEMPTS = 5


class RedisLockdowns:
    """The port ``Lockdowns``."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def current(self, account: str) -> Lockdown | None:
        """Return the lockdown that holds the account."""
        keys = Keys(account)
        (frozen,) = self._server.read(("HGET", keys.slots, "frozen"))
        if not frozen:
            return None
        (text,) = self._server.read(("HGET", keys.lockdowns, frozen))
        return _read(text)

    def of(self, account: str) -> tuple[Lockdown, ...]:
        """Return all of an account, newest first."""
        (texts,) = self._server.read(("HVALS", Keys(account).lockdowns))
        return tuple(sorted(map(_read, texts), key=lambda each: (each.since, each.id), reverse=True))

    def begin(self, lockdown: Lockdown, *, instead_of: Lockdown | None = None) -> Lockdown:
        """Freeze the account, or return what holds it."""
        for _ in range(_ATTEMPTS):
            (epoch,) = self._server.read(("HGET", Keys(lockdown.account).slots, "epoch"))
            kept = replace(lockdown, revision=1, epoch=int(epoch or 0))
            match self._write("begin", lockdown, kept, epoch=epoch or "", other=instead_of):
                case ["HELD", text]:
                    return _read(text)
                case ["EPOCH"]:
                    continue
                case ["UNKNOWN"]:
                    raise NotFound("The account has no slots yet.")
                case answer:
                    _refuse(answer)
                    return kept
        raise RevisionConflict("The account is being switched by others all the time.")

    def amend(self, lockdown: Lockdown) -> Lockdown:
        """Write what a person decided."""
        return self._change("amend", lockdown)

    def save(self, lockdown: Lockdown, *, lease: Lease) -> Lockdown:
        """Write what a worker did; one that is over frees the account."""
        return self._change("save", lockdown, fence=str(lease.fence))

    def _change(self, verb: str, lockdown: Lockdown, *, fence: str = "") -> Lockdown:
        kept = replace(lockdown, revision=lockdown.revision + 1)
        _refuse(self._write(verb, lockdown, kept, fence=fence))
        return kept

    def _write(
        self,
        verb: str,
        known: Lockdown,
        kept: Lockdown,
        *,
        fence: str = "",
        epoch: str = "",
        other: Lockdown | None = None,
    ) -> list[Any]:
        keys = Keys(kept.account)
        last = (
            (other.id, other.revision, lockdown_text(replace(other, revision=other.revision + 1)))
            if other
            else ("", 0, "")
        )
        answer: list[Any] = self._server.run_durably(
            _WRITE,
            (keys.lockdowns, keys.slots, keys.lease),
            (verb, kept.id, known.revision, lockdown_text(kept), int(kept.is_over), fence, epoch, *last),
        )
        return answer


def lockdown_text(lockdown: Lockdown) -> str:
    """Return it as stored; the revision comes first, where the script looks for it."""
    document = {"revision": lockdown.revision, **to_json(replace(lockdown, revision=0))}
    return json.dumps(document, separators=(",", ":"), allow_nan=False)


def _read(text: str) -> Lockdown:
    try:
        lockdown: Lockdown = from_json(Lockdown, json.loads(text))
    except (AttributeError, KeyError, TypeError, ValueError):
        # ``from None``: the original quotes what is stored.
        raise unavailable("holds a lockdown that this release cannot read") from None
    return lockdown


def _refuse(answer: list[Any]) -> None:
    match answer:
        case ["LEASE"]:
            raise LeaseLost("Another worker has taken over the account.")
        case ["REVISION"]:
            raise RevisionConflict("Somebody else has written to the lockdown since it was read.")
