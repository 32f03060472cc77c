"""Look after an account between and beside its runs: drift is watched always, the standby kept while no run is open."""

from datetime import datetime, timedelta
from threading import Lock

from sas_service.domain.audit import EventDraft, EventKind
from sas_service.domain.errors import LeaseLost
from sas_service.ports import Leases
from sas_service.services.keep_standby import COLD, READY, KeepStandby
from sas_service.services.mend_secrets import MendingSecrets
from sas_service.services.plan_revocation import Planning
from sas_service.services.watch_drift import DriftWatch
from sas_service.steps.run import World


class LookAfter:
    """One look at an account each ``every``, under its lease; more often while a standby is being brought up."""

    def __init__(
        self,
        *,
        world: World,
        planning: Planning,
        leases: Leases,
        holder: str,
        watch: DriftWatch,
        standby: KeepStandby,
        every: timedelta,
    ) -> None:
        self._world = world
        self._planning = planning
        self._leases = leases
        self._holder = holder
        self._watch = watch
        self._standby = standby
        self._secrets = MendingSecrets(world)
        self._every = every
        self._due: dict[str, datetime] = {}
        self._standbys: dict[str, str] = {}
        self._guard = Lock()

    def tick(self, account: str) -> None:
        """Look if it is time. Raises what reading Azure may raise, AuditLogUnavailable, MirrorUnavailable."""
        if self._world.lockdowns.current(account) is not None:
            return  # a lockdown changes keys and local authentication itself: none of it is drift, nothing is proven
        now = self._world.clock.now()
        with self._guard:
            if self._due.get(account, now) > now:
                return
            # Also when the look fails: what is away is asked again in a while, not at once.
            self._due[account] = now + self._every
        lease = self._leases.take(account, self._holder, until=now + self._world.pace.lease, now=now)
        if lease is None:
            return
        try:
            situation = self._planning.situation(account)
            before = situation.slots
            self._secrets.run(lease, self._watch.look(lease, situation))
            is_held = self._world.journal.running(account) is not None
            if not is_held and self._world.slots.read(account) == before:
                self._keep_standby(account, self._standby.keep(lease, situation))
        except LeaseLost:
            return  # another worker has the account now

    def standby(self, account: str) -> str:
        """Return how the standby stood at this process's last look."""
        return self._standbys.get(account, "unknown")

    def missing_accounts(self) -> tuple[str, ...]:
        """Return the accounts that have an open run and are not in the policy any more; each run is put on record."""
        known = self._world.policies.current()
        lost = sorted(self._world.journal.accounts() - set(known.accounts))
        held = [run for account in lost if (run := self._world.journal.running(account))]
        for run in held:
            draft = EventDraft(
                EventKind.RUN_WITHOUT_ACCOUNT,
                self._world.clock.now(),
                details={"revocation": run.id, "missingAccount": run.account, "policyDigest": known.digest},
            )
            said = f"run without account {run.id}:{known.digest}"
            self._world.mirror.append(self._world.audit_log.append(draft, once=said))
        return tuple(run.account for run in held)

    def _keep_standby(self, account: str, state: str) -> None:
        with self._guard:
            self._standbys[account] = state
            if state not in {COLD, READY} and not state.startswith("no identity"):
                self._due.pop(account, None)
