"""The background work: keeping the policy fresh in every process, and the worker's rounds.

No job queue: each round looks at the world and does what is due, so a crash loses nothing
(docs/decisions/no-job-queue.md).
"""

import os
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog
from prometheus_client import CollectorRegistry

from sas_service.adapters.worker_metrics import WorkerMetrics
from sas_service.bootstrap.processes import Service, build_service
from sas_service.bootstrap.revocation import Revocations
from sas_service.domain.errors import SasServiceError
from sas_service.services.age import AGE_EVERY
from sas_service.services.seal import SEAL_EVERY
from sas_service.services.standing import standing
from sas_service.worker_accounts import Accounts

COMPARE_EVERY = timedelta(seconds=5)
"""How soon a loss that no connection has noticed is seen, and how often the mirror is filled in."""

INDEX_EVERY = timedelta(minutes=1)
"""How often the mirror's segments get an index: what was written since then is read when a process starts."""

REAP_EVERY = timedelta(seconds=5)
"""How soon an abandoned reservation or a folded denial is written after it is due."""

SINK_EVERY = timedelta(seconds=10)
"""How soon a Key Vault secret follows a switch."""

REFRESH_EVERY = timedelta(seconds=10)
"""How soon a shared token that is due is followed by the next, where nobody asks; who asks is sooner."""

LOST_EVERY = timedelta(seconds=60)
"""How often open runs are looked for whose account is not in the policy any more."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Round:
    """What is looked at again and again, each in a thread of its own so that none holds up another."""

    name: str
    every: timedelta
    run: Callable[[], object]


def repeat(
    task: Callable[[], object], name: str, every: timedelta, stop: threading.Event, failing: str | None = None
) -> None:
    """Run ``task`` until ``stop``; a failure is logged when it begins and when it ends, the next round tries again."""
    while not stop.wait(every.total_seconds()):
        failing = attempt(task, name, failing)


def attempt(task: Callable[[], object], name: str, failing: str | None = None) -> str | None:
    """Run ``task`` once; returns the kind of its failure, None if it worked. Logs what differs from ``failing``."""
    error: str | None = None
    try:
        task()
    except SasServiceError as refusal:
        error = type(refusal).__name__
    except Exception as bug:  # noqa: BLE001  the loop must outlive a bug in one round; its text may hold secrets
        error = f"bug: {type(bug).__name__}"
    if error and error != failing:
        _log.warning("background task fails", task=name, error=error)
    elif failing and not error:
        _log.info("background task works again", task=name)
    return error


def start_upkeep(service: Service, stop: threading.Event | None = None) -> threading.Thread:
    """Do one round of this process's upkeep (policy file, schema, Redis), then go on in a daemon thread.

    The first round comes before the first request: a foreign schema must be refused from the start, and the policy
    that the process starts with announced before another process announces its successor.
    """
    failing = attempt(service.upkeep, "upkeep")
    ended = stop or threading.Event()

    def keep_up() -> None:
        for fetch in service.warm:
            attempt(fetch, "warm up")
        repeat(service.upkeep, "upkeep", service.policy_poll, ended, failing)

    thread = threading.Thread(target=keep_up, name="upkeep", daemon=True)
    thread.start()
    return thread


def run(environ: dict[str, str]) -> None:
    """Run the worker until SIGTERM or SIGINT; any number of workers may run."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    # The kernel has to end this process by itself, should it wake up past a lease (docs/decisions/self-fencing.md).
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    if os.getpid() == 1:
        _log.warning("the worker is process 1, which no timer can end: run it under an init, such as docker run --init")
    service = build_service(environ)
    start_upkeep(service, stop)
    metrics = _metrics(service)
    accounts = account_tasks(service, service.revocations, metrics) if service.revocations else None
    threads = [
        threading.Thread(target=repeat, args=(each.run, each.name, each.every, stop), name=each.name)
        for each in rounds(service, accounts, metrics)
    ]
    for thread in threads:
        thread.start()
    _log.info("worker started")
    # Python handles signals in this thread alone, and one that the kernel gave to another thread does not wake it.
    while not stop.wait(1):
        pass
    for thread in threads:
        thread.join()
    if accounts:
        accounts.close()
    service.close()
    _log.info("worker stopped")


def rounds(service: Service, accounts: Accounts | None, metrics: WorkerMetrics) -> list[Round]:
    """Return everything that a worker of this deployment does beside what each account needs."""
    every = service.settings.worker_tick
    table = [
        Round("reap", REAP_EVERY, service.reaping.run),
        Round("expiries", REAP_EVERY, service.expiring.run),
        Round("fold hand-outs", REAP_EVERY, service.folding.run),
        # A suspension that did not reach an account, because its server was away, is in force soon after that is back.
        Round("suspensions", REAP_EVERY, service.syncing),
    ]
    table += [
        Round("compare with the mirror", COMPARE_EVERY, service.stores.loss_guard.check),
        Round("fill the mirror in", COMPARE_EVERY, lambda: _fill_in(service, metrics)),
        Round("index the mirror", INDEX_EVERY, service.stores.reading.write_indexes),
    ]
    if service.sealed_log:
        table.append(Round("seal", SEAL_EVERY, service.sealed_log.sealing.run))
        table.append(Round("age", AGE_EVERY, service.sealed_log.aging.run))
    if service.sinking is not None:
        table.append(Round("sinks", SINK_EVERY, service.sinking.run))
    if service.refreshing is not None:
        table.append(Round("shared tokens", REFRESH_EVERY, service.refreshing.run))
    if accounts and service.revocations:
        look_after, policies = service.revocations.look_after, service.policies
        table += [
            Round("accounts", every, lambda: accounts.tick(sorted(policies.current().accounts))),
            Round("lost runs", LOST_EVERY, lambda: _report_lost(look_after.missing_accounts(), metrics)),
        ]
    return [Round(each.name, each.every, _counted(each, metrics)) for each in table]


def account_tasks(service: Service, revocations: Revocations, metrics: WorkerMetrics) -> Accounts:
    """Return what is done for each account, in this order and by one thread at a time."""
    stores, fence = service.stores, service.azure.fence

    def show(account: str) -> Mapping[str, object]:
        seen = standing(account, stores.journal, stores.notes)
        metrics.shows(seen, lease_held=fence.holds(account), standby=revocations.look_after.standby(account))
        return seen.words()

    tasks = {
        "lockdown": revocations.lockdown_runner.tick,
        "revocation": revocations.runner.tick,
        "upkeep": revocations.look_after.tick,
    }
    return Accounts(tasks, attempt, threads=service.settings.worker_accounts, seen=show)


def _fill_in(service: Service, metrics: WorkerMetrics) -> None:
    missed = service.backfill.run()
    metrics.behind(service.backfill.behind())
    if missed:
        _log.warning("the mirror lacked events and has them now", events=missed)


def _metrics(service: Service) -> WorkerMetrics:
    metrics, bind = WorkerMetrics(CollectorRegistry()), service.settings.worker_metrics_bind
    if bind:
        host, _, port = bind.rpartition(":")
        metrics.serve(host, int(port))
    return metrics


def _counted(each: Round, metrics: WorkerMetrics) -> Callable[[], None]:
    def counted() -> None:
        try:
            each.run()
        except Exception:
            metrics.did(each.name, failed=True)
            raise
        metrics.did(each.name, failed=False)

    return counted


def _report_lost(accounts: tuple[str, ...], metrics: WorkerMetrics) -> None:
    metrics.lost(len(accounts))
    if accounts:
        _log.warning(
            "runs are open on accounts that the policy has no more: put them back, or abort", accounts=accounts
        )
