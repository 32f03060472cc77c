"""The worker's metrics: labels are accounts of the policy and words of closed lists."""

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from sas_service.domain.drift import CODES
from sas_service.domain.revocations import OPEN
from sas_service.services.standing import Standing


class WorkerMetrics:
    """Gauges that show the last look; who runs several workers takes the maximum over them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._rounds = Counter("sas_worker_rounds", "Rounds done, by name.", ("round",), registry=registry)
        self._failures = Counter("sas_worker_failures", "Rounds that failed.", ("round",), registry=registry)
        self._lease = Gauge(
            "sas_account_lease_held", "1 while this worker may change the account.", ("account",), registry=registry
        )
        self._runs = Gauge(
            "sas_revocation_state",
            "1 for the state of the account's open run.",
            ("account", "state"),
            registry=registry,
        )
        self._late = Gauge(
            "sas_revocation_late_consumers", "Consumers who have not moved.", ("account",), registry=registry
        )
        self._drift = Gauge(
            "sas_account_drift", "What is not as it should be, by code.", ("account", "code"), registry=registry
        )
        self._standby = Gauge(
            "sas_standby_ready", "1 if the standby is attached, assigned and proven.", ("account",), registry=registry
        )
        self._lost = Gauge("sas_runs_without_account", "Open runs of accounts not in the policy.", registry=registry)
        self._behind = Gauge("sas_mirror_behind", "Events not known to be in the mirror.", registry=registry)

    def serve(self, host: str, port: int) -> None:
        """Answer scrapes in a thread of its own. Raises OSError if the address is taken."""
        start_http_server(port, host, registry=self._registry)

    def did(self, name: str, *, failed: bool) -> None:
        """Count one round."""
        self._rounds.labels(name).inc()
        if failed:
            self._failures.labels(name).inc()

    def shows(self, seen: Standing, *, lease_held: bool, standby: str) -> None:
        """Show how an account stands."""
        state = seen.run.state if seen.run else None
        for each in OPEN:
            self._runs.labels(seen.account, each.value).set(each is state)
        for code in CODES:
            self._drift.labels(seen.account, code).set(sum(name == code for name, _ in seen.drifts))
        self._late.labels(seen.account).set(len(seen.late))
        self._lease.labels(seen.account).set(lease_held)
        self._standby.labels(seen.account).set(standby == "ready")

    def lost(self, runs: int) -> None:
        """Show how many runs have no account any more."""
        self._lost.set(runs)

    def behind(self, events: int) -> None:
        """Show how many events the mirror may lack."""
        self._behind.set(events)
