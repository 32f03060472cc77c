"""The policy in force: read at start, taken over as a whole when the file changes, or refused as a whole."""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from sas_service.adapters.policy_file.document import parse_policy, read_document, refusal
from sas_service.adapters.policy_file.last_accepted import LastAccepted
from sas_service.domain.errors import AuditLogUnavailable, PolicyRefused, SasServiceError, Violation
from sas_service.domain.iso8601 import format_instant
from sas_service.domain.policy import Policy
from sas_service.ports import Clock

TakeoverCheck = Callable[[Policy | None, Policy], tuple[Violation, ...]]
"""What speaks against replacing the old policy (None at start); may raise AuditLogUnavailable: asked again later."""

_SETTLED: Final = timedelta(seconds=1)
_Stamp = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Refused:
    """A document that was not taken over."""

    error: PolicyRefused
    at: datetime

    def same_as(self, error: PolicyRefused) -> bool:
        """Tell whether ``error`` says nothing new; counts in the reasons may move without being news."""
        return self._essence(self.error) == self._essence(error)

    @staticmethod
    def _essence(error: PolicyRefused) -> object:
        return error.extra["digest"], [violation.pointer for violation in error.violations]


@dataclass(frozen=True, slots=True)
class _State:
    """All that readers see, replaced in one assignment."""

    policy: Policy
    since: datetime
    refused: _Refused | None = None
    unchecked: str | None = None
    not_kept: str | None = None


class PolicyFile:
    """``ports.Policies`` on a file; readers never wait, ``refresh`` is called by a thread of its own.

    ``on_change(old, new)`` and ``on_refused(error)`` are told from within ``refresh``, in order, and again at the next
    one if they raise a SasServiceError; the policy at start is announced by the first. ``settled`` is how long a file
    must have been left alone before it is read, so that one in the middle of being written is not.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock,
        takeover_check: TakeoverCheck,
        on_change: Callable[[Policy | None, Policy], None],
        on_refused: Callable[[PolicyRefused], None],
        last_accepted: LastAccepted | None = None,
        settled: timedelta = _SETTLED,
    ) -> None:
        self._path = path
        self._clock = clock
        self._takeover_check = takeover_check
        self._on_change = on_change
        self._on_refused = on_refused
        self._last_accepted = last_accepted
        self._settled = settled
        self._news: deque[Callable[[], None]] = deque()
        self._refreshing = threading.Lock()
        self._seen: _Stamp | None = None
        self._checked: Policy | None = None
        self._state = self._start()

    def current(self) -> Policy:
        """Return the policy in force."""
        return self._state.policy

    def status(self) -> Mapping[str, object]:
        """Return what is in force since when, and what was refused or waits to be checked."""
        state = self._state
        shown: dict[str, object] = {
            "digest": state.policy.digest,
            "source": state.policy.source,
            "since": format_instant(state.since),
        }
        if state.refused:
            shown["refused"] = _shown(state.refused)
        if state.unchecked:
            shown["unchecked"] = state.unchecked
        if state.not_kept:
            shown["notKept"] = state.not_kept
        return shown

    def refresh(self) -> None:
        """Look at the file, take it over or refuse it if it is new, and tell the observers."""
        with self._refreshing:
            self._tell()
            self._look()
            self._tell()

    def _start(self) -> _State:
        now = self._clock.now()
        self._seen = self._stamp()
        try:
            document = read_document(self._path)
            policy = parse_policy(document, str(self._path))
            self._check(None, policy)
        except AuditLogUnavailable:
            # A process must come up while the log is away, to say so; without the log it issues nothing anyhow.
            self._seen = None
            return _State(policy, now, unchecked=policy.digest)
        except PolicyRefused as error:
            kept = self._last_accepted.load() if self._last_accepted else None
            if kept is None:
                raise
            self._seen = None
            self._checked = kept
            self._news.append(partial(self._on_refused, error))
            return _State(kept, now, refused=_Refused(error, now))
        return self._accepted(None, policy, document, now)

    def _look(self) -> None:
        stamp = self._stamp()
        if (stamp is not None and stamp == self._seen) or self._is_being_written(stamp):
            return
        try:
            document = read_document(self._path)
            if self._stamp() != stamp:
                return
            policy = parse_policy(document, str(self._path))
        except PolicyRefused as error:
            self._seen = stamp
            self._refuse(error)
            return
        self._take_over(policy, document, stamp)

    def _take_over(self, policy: Policy, document: bytes, stamp: _Stamp | None) -> None:
        """Put ``policy`` in force if nothing speaks against it.

        What is refused because of live tokens is not marked as seen: the next look may find them expired.
        """
        try:
            if self._checked is None or self._checked.digest != policy.digest:
                self._check(self._checked, policy)
                self._state = self._accepted(self._checked, policy, document, self._clock.now())
            else:
                self._state = replace(self._state, refused=None, unchecked=None)
            self._seen = stamp
        except AuditLogUnavailable:
            self._state = replace(self._state, unchecked=policy.digest)
        except PolicyRefused as error:
            self._refuse(error)

    def _check(self, old: Policy | None, new: Policy) -> None:
        found = self._takeover_check(old, new)
        if found:
            placed = [replace(violation, rule=f"{new.source}:{new.line(violation.rule)}") for violation in found]
            raise refusal(new.source, new.digest, placed)

    def _accepted(self, old: Policy | None, new: Policy, document: bytes, now: datetime) -> _State:
        self._checked = new
        self._news.append(partial(self._on_change, old, new))
        not_kept = self._last_accepted.save(document) if self._last_accepted else None
        return _State(new, now, not_kept=not_kept)

    def _refuse(self, error: PolicyRefused) -> None:
        if self._state.refused and self._state.refused.same_as(error):
            return
        unchecked = None if self._checked else self._state.unchecked
        self._state = replace(self._state, refused=_Refused(error, self._clock.now()), unchecked=unchecked)
        self._news.append(partial(self._on_refused, error))

    def _tell(self) -> None:
        while self._news:
            try:
                self._news[0]()
            except SasServiceError:
                return  # the log or its mirror is away: said again, in the same order, at the next refresh
            self._news.popleft()

    def _stamp(self) -> _Stamp | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns

    def _is_being_written(self, stamp: _Stamp | None) -> bool:
        if stamp is None:
            return False
        age = self._clock.now().timestamp() - stamp[3] / 1e9
        return 0 <= age < self._settled.total_seconds()


def _shown(refused: _Refused) -> Mapping[str, object]:
    reasons = [
        {"at": violation.rule, "pointer": violation.pointer, "reason": violation.allowed}
        for violation in refused.error.violations
    ]
    return {"digest": refused.error.extra["digest"] or None, "at": format_instant(refused.at), "reasons": reasons}
