"""The journal of revocations in a dictionary."""

from collections.abc import Iterable
from dataclasses import replace
from threading import RLock

from sas_service.adapters.memory.failing import Failing
from sas_service.adapters.memory.leases import MemoryLeases
from sas_service.domain.errors import NotFound, RevisionConflict, RunInProgress
from sas_service.domain.runs import Revocation, is_open


class MemoryJournal(Failing):
    """The port ``Journal``; ``fail_with`` lets the next writes raise, ``roll_back`` loses some of them."""

    def __init__(self, leases: MemoryLeases) -> None:
        super().__init__()
        self._leases = leases
        self._runs: dict[str, Revocation] = {}
        self._earlier: dict[str, list[Revocation]] = {}
        self._guard = RLock()

    def add(self, run: Revocation) -> Revocation:
        """Remember a plan."""
        self._fail_if_told()
        with self._guard:
            return self._keep_once(run) if run.id in self._runs else self._keep(run)

    def read(self, run_id: str) -> Revocation:
        """Return it as it is."""
        with self._guard:
            if run_id not in self._runs:
                raise NotFound("There is no such revocation.")
            return self._runs[run_id]

    def of(self, account: str) -> tuple[Revocation, ...]:
        """Return all of an account, newest first."""
        with self._guard:
            return tuple(run for run in reversed(self._runs.values()) if run.account == account)

    def running(self, account: str) -> Revocation | None:
        """Return the run that holds the account."""
        return next((run for run in self.of(account) if is_open(run)), None)

    def accounts(self) -> frozenset[str]:
        """Return every account that ever had a plan."""
        with self._guard:
            return frozenset(run.account for run in self._runs.values())

    def start(self, run: Revocation, *, instead_of: Revocation | None = None) -> Revocation:
        """Write ``run`` as the one that holds its account."""
        self._fail_if_told()
        with self._guard:
            current = self.running(run.account)
            if current == _kept(run):
                return current
            if current is not None and (instead_of is None or instead_of.id != current.id):
                raise RunInProgress("The account has a run already.", running=current.id)
            self._check(run)
            if instead_of is not None:
                self._check(instead_of)
                self._keep(instead_of)
                self._leases.bump(run.account)
            return self._keep(run)

    def amend(self, run: Revocation) -> Revocation:
        """Write what a person decided."""
        self._fail_if_told()
        with self._guard:
            return self._keep_once(run)

    def save(self, run: Revocation, *, fence: int) -> Revocation:
        """Write what a runner did."""
        self._fail_if_told()
        with self._guard:
            self._leases.check(run.account, fence)
            return self._keep_once(run)

    def forget(self, run: Revocation) -> None:
        """Remove a plan that nobody started."""
        self._fail_if_told()
        with self._guard:
            if run.id not in self._runs:
                return
            if is_open(self._runs[run.id]):
                raise RevisionConflict("It holds its account.")
            self._check(run)
            self._runs.pop(run.id)
            self._earlier.pop(run.id, None)

    def restore(self, runs: Iterable[Revocation]) -> None:
        """Keep these, whatever was there (``LogRepair``)."""
        with self._guard:
            self._runs.update((each.id, each) for each in runs)

    def roll_back(self, run_id: str, writes: int) -> None:
        """Lose the newest writes of a run, as a failover may."""
        with self._guard:
            for _ in range(min(writes, len(self._earlier[run_id]))):
                self._runs[run_id] = self._earlier[run_id].pop()

    def _check(self, run: Revocation) -> None:
        if self.read(run.id).revision != run.revision:
            raise RevisionConflict("Somebody else has written to the revocation since it was read.")

    def _keep_once(self, run: Revocation) -> Revocation:
        """Write ``run``, unless this very write was done before and its reply was lost."""
        if self.read(run.id) == _kept(run):
            return _kept(run)
        self._check(run)
        return self._keep(run)

    def _keep(self, run: Revocation) -> Revocation:
        kept = _kept(run)
        if run.id in self._runs:
            self._earlier.setdefault(run.id, []).append(self._runs[run.id])
        self._runs[run.id] = kept
        return kept


def _kept(run: Revocation) -> Revocation:
    return replace(run, revision=run.revision + 1)
