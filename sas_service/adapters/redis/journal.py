"""The journal of revocations: one hash per account, each write one script that compares revision and fence."""

from dataclasses import replace
from typing import Any

from sas_service.adapters.redis.keys import REVOCATIONS, Keys
from sas_service.adapters.redis.run_text import read_run, write_run
from sas_service.adapters.redis.server import Script, Server
from sas_service.domain.errors import LeaseLost, NotFound, RevisionConflict, RunInProgress
from sas_service.domain.runs import Revocation, is_open

_NAME = Script("name_revocation")
_FORGET = Script("forget_revocation")
_UNNAME = Script("unname_revocation")
_WRITE = Script("fences", "write_revocation")
_RUNNING = Script("running_revocation")
_CHUNK = 50
"""How many entries are read at once; some kilobytes each, more with a long list of casualties."""


class RedisJournal:
    """The port ``Journal``."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def add(self, run: Revocation) -> Revocation:
        """Remember a plan."""
        # Another cluster slot, so another script. Should the entry not follow, the name leads to nothing.
        if self._server.run_durably(_NAME, (REVOCATIONS,), (run.id, run.account)) != run.account:
            raise RevisionConflict("There is a revocation of this id on another account.")
        return self._write("add", run)

    def read(self, run_id: str) -> Revocation:
        """Return it as it is."""
        (account,) = self._server.read(("HGET", REVOCATIONS, run_id))
        if account:
            (text,) = self._server.read(("HGET", Keys(account).revocations, run_id))
            if text:
                return read_run(text)
        raise NotFound("There is no such revocation.")

    def of(self, account: str) -> tuple[Revocation, ...]:
        """Return all of an account, newest first."""
        keys = Keys(account)
        (ids,) = self._server.read(("ZREVRANGE", keys.revocations_order, 0, -1))
        return tuple(
            read_run(text)
            for start in range(0, len(ids), _CHUNK)
            for (texts,) in [self._server.read(("HMGET", keys.revocations, *ids[start : start + _CHUNK]))]
            for text in texts
            if text
        )

    def running(self, account: str) -> Revocation | None:
        """Return the run that holds the account."""
        keys = Keys(account)
        text = self._server.run(_RUNNING, (keys.revocations, keys.running_revocation), ())
        return read_run(text) if text else None

    def accounts(self) -> frozenset[str]:
        """Return every account that has a plan or a run."""
        (names,) = self._server.read(("HVALS", REVOCATIONS))
        return frozenset(names)

    def start(self, run: Revocation, *, instead_of: Revocation | None = None) -> Revocation:
        """Write ``run`` as the one that holds its account; the runner of the one it adopts loses its fence."""
        return self._write("start", run, adopted=instead_of)

    def amend(self, run: Revocation) -> Revocation:
        """Write what a person decided."""
        return self._write("amend", run)

    def save(self, run: Revocation, *, fence: int) -> Revocation:
        """Write what a runner did."""
        return self._write("save", run, fence=str(fence))

    def forget(self, run: Revocation) -> None:
        """Remove a plan that nobody started."""
        keys = Keys(run.account)
        found = (keys.revocations, keys.revocations_order, keys.running_revocation)
        _refuse(self._server.run_durably(_FORGET, found, (run.id, run.revision)))
        # Another cluster slot; should this not follow, the name leads to nothing.
        self._server.run(_UNNAME, (REVOCATIONS,), (run.id,))

    def _write(self, verb: str, run: Revocation, *, fence: str = "", adopted: Revocation | None = None) -> Revocation:
        keys, kept = Keys(run.account), replace(run, revision=run.revision + 1)
        answer = self._server.run_durably(
            _WRITE,
            (keys.revocations, keys.revocations_order, keys.running_revocation, keys.lease),
            (
                *(verb, run.id, run.revision, write_run(kept), int(is_open(run)), fence),
                *_last_entry(adopted),
            ),
        )
        _refuse(answer)
        return kept


def _last_entry(adopted: Revocation | None) -> tuple[str, int, str]:
    if adopted is None:
        return "", 0, ""
    return adopted.id, adopted.revision, write_run(replace(adopted, revision=adopted.revision + 1))


def _refuse(answer: list[Any]) -> None:
    match answer:
        case ["LEASE"]:
            raise LeaseLost("Another runner has taken over the account.")
        case ["UNKNOWN"]:
            raise NotFound("There is no such revocation.")
        case ["RUNNING", running]:
            raise RunInProgress("The account has a run already.", running=running)
        case ["REVISION"]:
            raise RevisionConflict("Somebody else has written to the revocation since it was read.")
