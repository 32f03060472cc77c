"""What a worker does for each account: one at a time per account, several accounts side by side."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import structlog

Attempt = Callable[[Callable[[], object], str, str | None], str | None]
"""Runs a task under a name, given how it failed last time; returns how it fails now."""

_log = structlog.get_logger()


class Accounts:
    """Hands accounts to threads; one that is still being looked at is left alone, so a slow one holds up itself."""

    def __init__(
        self,
        tasks: Mapping[str, Callable[[str], object]],
        attempt: Attempt,
        *,
        threads: int,
        seen: Callable[[str], Mapping[str, object]],
    ) -> None:
        self._tasks = tasks
        self._attempt = attempt
        self._seen = seen
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="account")
        self._guard = threading.Lock()
        self._busy: set[str] = set()
        self._failing: dict[tuple[str, str], str | None] = {}
        self._said: dict[str, Mapping[str, object]] = {}

    def tick(self, accounts: list[str]) -> None:
        """Start a look at every account that is not being looked at."""
        for account in accounts:
            with self._guard:
                if account in self._busy:
                    continue
                self._busy.add(account)
            self._pool.submit(self._look, account)

    def close(self) -> None:
        """Wait for what has begun; nothing more begins."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _look(self, account: str) -> None:
        try:
            for name, task in (*self._tasks.items(), ("standing", self._tell)):
                key = (account, name)
                failing = self._failing.get(key)
                self._failing[key] = self._attempt(partial(task, account), f"{name} of {account}", failing)
        finally:
            with self._guard:
                self._busy.discard(account)

    def _tell(self, account: str) -> None:
        """Say in the log how the account stands, whenever that is news."""
        words = self._seen(account)
        if words != self._said.get(account):
            calls = any(words.get(name) for name in ("waitingFor", "warnedAtPercent", "drift"))
            told = {name: word for name, word in words.items() if word is not None}
            (_log.warning if calls else _log.info)("account stands otherwise", account=account, **told)
        self._said[account] = words
