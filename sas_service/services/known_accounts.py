"""Every account that something may be kept of: those of the policy, and those that it had once.

An account that is taken out of the policy leaves its records behind: its stream is sealed and aged like any other, what
was begun is ended, what was counted is written.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import timedelta
from threading import Lock

from sas_service.domain.audit import SERVICE_STREAM
from sas_service.domain.errors import AuditLogUnavailable, MirrorUnavailable
from sas_service.ports import MirrorReading, Roster

_SOON = timedelta(seconds=5)
"""After the next round of upkeep."""


class KnownAccounts:
    """The port ``Accounts``: one for each process; what a process has met once it does not forget."""

    def __init__(self, *, named: Callable[[], Collection[str]], roster: Roster, reading: MirrorReading) -> None:
        """``named`` returns the accounts of the policy."""
        self._named = named
        self._roster = roster
        self._reading = reading
        self._met = frozenset[str]()
        self._has_read_mirror = False
        self._has_read_roster = False
        self._meeting = Lock()

    def __call__(self) -> tuple[str, ...]:
        """Return their names in order; while roster or mirror are away, those that this process has met."""
        self._meet(self._named())
        self._read_mirror()
        try:
            listed = self._roster.read()
            if not self._met <= listed:
                self._roster.add(self._met - listed)
            self._meet(listed)
            self._has_read_roster = True
        except AuditLogUnavailable:
            pass  # one server of several is away: the accounts of the others are looked after all the same
        return tuple(sorted(self._met))

    def met(self) -> tuple[str, ...]:
        """Return those of the policy and all that a round before this has met; asks only if there was none.

        Raises AuditLogUnavailable while neither roster nor mirror could ever be read: a list of all would have gaps.
        """
        if not (self._has_read_roster or self._has_read_mirror):
            self()
        if not (self._has_read_roster or self._has_read_mirror):
            raise AuditLogUnavailable("Which accounts there are cannot be told now.", retry_after=_SOON)
        return tuple(sorted(self._met | frozenset(self._named())))

    def _meet(self, accounts: Iterable[str]) -> None:
        with self._meeting:
            self._met |= frozenset(accounts)

    def _read_mirror(self) -> None:
        """Meet, once, accounts from before there was a roster, or before Redis lost it."""
        if self._has_read_mirror:
            return
        try:
            self._meet(self._reading.heads().keys() - {SERVICE_STREAM})
        except MirrorUnavailable:
            return
        self._has_read_mirror = True
