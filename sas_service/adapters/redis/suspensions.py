"""Suspensions: one list of the service, and a copy in each account, where ``reserve`` reads it atomically.

The list grows a version with each change; a copy takes only a newer one. So copies end up equal to the list whatever
order concurrent changes arrive in, and a change that was cut short is completed by the next one or by ``sync``, which
workers do again and again. Copies of accounts whose server is away are left out, and the change is answered as failed.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sas_service.adapters.redis.keys import SUSPENSIONS, Keys
from sas_service.adapters.redis.server import Script, Server
from sas_service.domain.apart import for_each
from sas_service.domain.errors import AuditLogUnavailable
from sas_service.domain.iso8601 import format_instant, parse_instant
from sas_service.ports import Suspension

_LIST = Script("list_suspensions")
_COPY = Script("copy_suspensions")
_VERSION = "version"
_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class _Listed:
    """The list as it is right after a change; ``changed`` says whether the change was one."""

    changed: bool
    version: int
    entries: Mapping[str, str]


class RedisSuspensions:
    """The port ``Suspensions``."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def list(self) -> tuple[Suspension, ...]:
        """Return all, by kind and id. Raises AuditLogUnavailable."""
        (fields,) = self._server.read(("HGETALL", SUSPENSIONS))
        found = [_read(name, text) for name, text in fields.items() if name != _VERSION]
        return tuple(sorted(found, key=lambda suspension: (suspension.kind, suspension.id)))

    def put(self, suspension: Suspension, accounts: Sequence[str]) -> bool:
        """Suspend at once on every account; returns whether it is new: somewhere it was not in force before."""
        name = f"{suspension.kind}:{suspension.id}"
        listed = self._change("put", name, suspension_text(suspension))
        knew = for_each(accounts, lambda account: self._copy(account, listed, name))
        return listed.changed or not all(knew)

    def delete(self, kind: str, suspended: str, accounts: Sequence[str]) -> bool:
        """Lift it; returns whether there was one: somewhere it was in force before."""
        name = f"{kind}:{suspended}"
        listed = self._change("delete", name)
        knew = for_each(accounts, lambda account: self._copy(account, listed, name))
        return listed.changed or any(knew)

    def sync(self, accounts: Sequence[str]) -> None:
        """Copy all to accounts that are new to the policy, or missed a change. Raises AuditLogUnavailable."""
        (fields,) = self._server.read(("HGETALL", SUSPENSIONS))
        version = int(fields.pop(_VERSION, 0))

        def renew(account: str) -> None:
            (copied,) = self._server.read(("HGET", Keys(account).suspended, _VERSION))
            if int(copied or 0) != version:
                self._copy(account, _Listed(changed=False, version=version, entries=fields), "")

        for_each(accounts, renew)

    def _change(self, verb: str, name: str, text: str = "", *, least: int = 0) -> _Listed:
        changed, flat = self._server.run_durably(_LIST, (SUSPENSIONS,), (verb, least, name, text))
        entries = dict(zip(flat[::2], flat[1::2], strict=True))
        return _Listed(changed == "1", int(entries.pop(_VERSION)), entries)

    def _copy(self, account: str, listed: _Listed, name: str) -> bool:
        """Bring one account up to date; returns whether it knew ``name`` before."""
        known: bool | None = None
        for _ in range(_ATTEMPTS):
            flat = [word for entry in listed.entries.items() for word in entry]
            had, knew = self._server.run_durably(_COPY, (Keys(account).suspended,), (listed.version, name, *flat))
            known = knew == "1" if known is None else known
            if int(had) < listed.version:
                return known
            # The copy is of a later change, or of a list that a failover lost: only a still higher version, made
            # of what the list says now, is sure to be right.
            listed = self._change("raise", "", least=int(had) + 1)
        raise AuditLogUnavailable("The suspensions are being changed by others all the time.")


def suspension_text(suspension: Suspension) -> str:
    """Return it as it is stored, under its kind and id."""
    document = {"reason": suspension.reason, "by": dict(suspension.by), "at": format_instant(suspension.at)}
    return json.dumps(document, separators=(",", ":"))


def _read(name: str, text: str) -> Suspension:
    kind, _, suspended = name.partition(":")
    document = json.loads(text)
    return Suspension(kind, suspended, document["reason"], document["by"], parse_instant(document["at"]))
