"""The background work: keeping the policy fresh in every process, and the worker's rounds of tidying.

No job queue: each round looks at the world and does what is due, so a crash loses nothing
(docs/decisions/no-job-queue.md).
"""

import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from sas_service.bootstrap.processes import Service, build_service
from sas_service.domain.errors import SasServiceError

REAP_EVERY = timedelta(seconds=5)
"""How soon an abandoned reservation or a folded denial is written after it is due."""

_log = structlog.get_logger()


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
    service = build_service(environ)
    start_upkeep(service, stop)
    threads = [
        threading.Thread(target=repeat, args=(each.run, each.name, each.every, stop), name=each.name)
        for each in rounds(service)
    ]
    for thread in threads:
        thread.start()
    _log.info("worker started")
    for thread in threads:
        thread.join()
    service.close()
    _log.info("worker stopped")


@dataclass(frozen=True, slots=True)
class Round:
    """What is looked at again and again, each in a thread of its own so that none holds up another."""

    name: str
    every: timedelta
    run: Callable[[], object]


def rounds(service: Service) -> list[Round]:
    """Return everything that a worker of this deployment does."""
    revocations, policies = service.revocations, service.policies
    always = [
        Round("reap", REAP_EVERY, service.reaping.run),
        Round("fold hand-outs", REAP_EVERY, service.folding.run),
    ]
    if revocations is None:
        return always

    def tick() -> None:
        for account in sorted(policies.current().accounts):
            revocations.runner.tick(account)

    return [*always, Round("revocations", service.settings.worker_tick, tick)]
