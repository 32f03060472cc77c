"""Hand out shared tokens: the current one of the caller's team, made anew by one process before it is needed."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock

from sas_service.domain.callers import Caller
from sas_service.domain.errors import NotFound, SasServiceError, SharedTokenNotReady
from sas_service.domain.policy import Policy, Profile, Sharing, Team, team_for
from sas_service.domain.quotas import QuotaLeft
from sas_service.domain.tokens import TokenRequest
from sas_service.ports import Clock, Current, HandOut, NoneCurrent, Policies, Sealing, SharedTokens
from sas_service.services.deny import Deciding
from sas_service.services.issue import Issued
from sas_service.services.make_shared import Making, Offer, about
from sas_service.services.spend import Spending

AHEAD_AGAIN = timedelta(seconds=1)
"""How long a process waits before it looks again whether it may make the next token ahead of need."""

_SOON = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a caller waits for a token that is being made, and how the wait is spent.

    ``pause`` lets time pass, ``jitter`` returns a number from 0 to 1 that spreads the looks of many.
    """

    pause: Callable[[timedelta], object]
    jitter: Callable[[], float]
    longest: timedelta = timedelta(seconds=5)
    look_every: timedelta = timedelta(milliseconds=50)

    def once(self) -> None:
        """Wait for one look."""
        self.pause(self.look_every * (0.5 + self.jitter()))


@dataclass(frozen=True)
class SharedToken:
    """A shared token on its way to a caller; ``answers`` is room for what the API makes of it, once per process.

    ``quota`` is what this one caller's team has left, where it has a quota.
    """

    issued: Issued
    refresh: datetime
    quota: QuotaLeft | None = None
    answers: dict[str, object] = field(default_factory=dict, repr=False, compare=False)


class _Counter:
    """Where one offer is handed out in this process: the copy, and who may look for a new one."""

    __slots__ = ("copy", "gate", "look_again", "offer")

    def __init__(self, offer: Offer) -> None:
        self.offer = offer
        self.copy: SharedToken | None = None
        self.look_again: datetime | None = None
        self.gate = Lock()


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request's constants."""

    counter: _Counter
    caller: Caller
    after: str
    request_id: str


class HandingOut:
    """Gives every caller of a shared profile its team's current token, counted before it leaves."""

    def __init__(
        self,
        *,
        policies: Policies,
        deciding: Deciding,
        making: Making,
        shared: SharedTokens,
        sealing: Sealing,
        clock: Clock,
        patience: Patience,
        spending: Spending,
        aside: Callable[[Callable[[], None]], object],
    ) -> None:
        """``aside`` runs what no caller shall wait for: making the next token while the current one is still good."""
        self._policies = policies
        self._deciding = deciding
        self._making = making
        self._shared = shared
        self._sealing = sealing
        self._clock = clock
        self._patience = patience
        self._spending = spending
        self._aside = aside
        self._counters: tuple[Policy | None, dict[tuple[str, str], _Counter]] = (None, {})

    def current(
        self,
        profile: str,
        caller: Caller,
        *,
        request_id: str,
        origin: str | None = None,
        after: str | None = None,
        told: bool = False,
    ) -> SharedToken:
        """Return the current token; with ``after`` one that is newer than that id, made for the purpose if need be.

        Raises ProfileNotAllowed, OriginNotAllowed, Suspended (on record as denied), NotFound for a profile that does
        not share, QuotaExceeded, SharedTokenNotReady, and what issuing raises for the one caller who makes the token.
        ``told``: who was told to replace a token is not held back by the team's quota.
        """
        counter = self._counter(profile, caller, request_id, origin)
        quota = None if told else counter.offer.team.quota
        left = self._spending.count(counter.offer.team.name, quota)
        token = self._current(counter, caller, after, request_id)
        return replace(token, quota=left) if left else token

    def _current(self, counter: _Counter, caller: Caller, after: str | None, request_id: str) -> SharedToken:
        asked = _Asked(counter, caller, after or "", request_id)
        token = self._ask(asked)
        if isinstance(token, NoneCurrent):
            return self._waited_for(asked)
        if self._clock.now() >= token.refresh:
            self._ahead(counter, token.issued.record.id, request_id)
        return token

    def _counter(self, profile: str, caller: Caller, request_id: str, origin: str | None) -> _Counter:
        policy = self._policies.current()
        team = team_for(policy, caller, profile)
        found = policy.profiles[profile] if team else None
        if team is None or found is None or (origin is not None and origin not in found.cors_origins):
            # Refused, and put on record by what refuses every other request too.
            now = self._clock.now()
            self._deciding.decide(TokenRequest(profile), caller, now=now, request_id=request_id, origin=origin)
        if team is None or found is None or found.sharing is not Sharing.SHARED:
            raise NotFound("The profile shares no token: ask for one of your own with POST /v1/tokens.")
        return self._counter_of(policy, team, found)

    def _counter_of(self, policy: Policy, team: Team, profile: Profile) -> _Counter:
        known, counters = self._counters
        if known is not policy:
            # Under another policy it is another token, or at least may be; the copies of the old one go with it.
            self._counters = (policy, counters := {})
        counter = counters.get((profile.name, team.name))
        return counter or counters.setdefault((profile.name, team.name), _Counter(Offer(policy, team, profile)))

    def _ask(self, asked: _Asked) -> SharedToken | NoneCurrent:
        """Ask the store for the current token, which counts it, and open it unless this process has a copy."""
        counter, now = asked.counter, self._clock.now()
        offer, copy = counter.offer, counter.copy
        wish = HandOut(offer.name, asked.caller, now, copy.issued.record.id if copy else "", asked.after)
        answer = self._deciding.unless_suspended(
            lambda: self._shared.hand_out(wish),
            TokenRequest(offer.profile.name),
            asked.caller,
            team=offer.team.name,
            now=now,
            request_id=asked.request_id,
        )
        if isinstance(answer, NoneCurrent):
            return answer
        if answer.shared is None and copy is not None:
            return copy
        return self._opened(counter, answer)

    def _opened(self, counter: _Counter, answer: Current) -> SharedToken | NoneCurrent:
        if answer.shared is None:
            return NoneCurrent("")
        record = answer.shared.record
        try:
            token = self._sealing.open(answer.shared.sealed, about=about(record))
        except NotFound:
            # Sealed with a key that has been taken away: nobody can open it, so it is as good as gone.
            return NoneCurrent(record.id)
        issued = Issued(record, token, answer.shared.client_id, counter.offer.account, redelivered=False)
        counter.copy = copy = SharedToken(issued, answer.shared.schedule.refresh)
        return copy

    def _ahead(self, counter: _Counter, seen: str, request_id: str) -> None:
        """Have the next token made if nobody else does; whatever comes of it, the current one is handed out."""
        now = self._clock.now()
        if counter.look_again is not None and now < counter.look_again:
            return
        counter.look_again = now + AHEAD_AGAIN
        self._aside(lambda: self._make_ahead(counter.offer, seen, request_id))

    def _make_ahead(self, offer: Offer, seen: str, request_id: str) -> None:
        # What goes wrong is on record, and rests; who asks when the current one is over hears of it.
        with suppress(SasServiceError):
            self._making.make(offer, seen, request_id=request_id)

    def _waited_for(self, asked: _Asked) -> SharedToken:
        """Make the token, or wait for it: one thread of a process looks, the others wait for that thread."""
        give_up, gate = self._clock.now() + self._patience.longest, asked.counter.gate
        if not gate.acquire(timeout=self._patience.longest.total_seconds()):
            raise _not_ready(_SOON)
        try:
            while isinstance(token := self._ask(asked), NoneCurrent):
                self._too_early(asked, token)
                if self._clock.now() >= give_up:
                    raise _not_ready(_SOON)
                wait = self._making.make(asked.counter.offer, token.seen, request_id=asked.request_id)
                if wait is not None:
                    if wait.rests:
                        raise _not_ready(wait.left)
                    self._patience.once()
            return token
        finally:
            gate.release()

    def _too_early(self, asked: _Asked, none: NoneCurrent) -> None:
        """Nobody can have tokens made as fast as he asks for newer ones."""
        if none.issued is None:
            return
        spacing = asked.counter.offer.window.spacing
        left = none.issued + spacing - self._clock.now()
        if left > timedelta():
            raise _not_ready(left)
        if asked.after != none.seen:
            # An id from the future, or one that a failover has lost: no token made for it would be newer for sure.
            raise _not_ready(spacing)


def _not_ready(left: timedelta) -> SharedTokenNotReady:
    return SharedTokenNotReady("The shared token cannot be had just now.", retry_after=left)
