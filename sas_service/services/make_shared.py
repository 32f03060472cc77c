"""Make the next shared token: one process at a time, on the same way as every other token."""

from contextlib import suppress
from datetime import timedelta

from sas_service.domain.errors import EpochMoved, LeaseLost, SasServiceError
from sas_service.domain.grants import decide_shared
from sas_service.domain.policy import Account, Policy, Profile, Sharing, Team
from sas_service.domain.tokens import TokenRecord
from sas_service.domain.windows import Window, terms
from sas_service.ports import Clock, Flight, Policies, Sealing, Shared, SharedName, SharedTokens, Wait
from sas_service.services.deny import Allowed
from sas_service.services.issue import Issued, Issuing

REST = timedelta(seconds=2)
"""How long nobody tries again after a failure for which no time was named; a throttled Azure names its own."""

LONGEST_REST = timedelta(seconds=30)


class Offer:
    """What a team may have of a shared profile under one policy document; the same object as long as it stands."""

    __slots__ = ("account", "name", "profile", "team", "window")

    def __init__(self, policy: Policy, team: Team, profile: Profile) -> None:
        self.team = team
        self.profile = profile
        self.account: Account = policy.accounts[profile.account]
        self.window = Window.of(profile)
        self.name = SharedName(profile.account, profile.name, team.name, terms(self.account, profile))


def offers(policy: Policy) -> list[Offer]:
    """Return every offer of ``policy``."""
    return [
        Offer(policy, team, policy.profiles[name])
        for team in policy.teams.values()
        for name in team.profiles
        if policy.profiles[name].sharing is Sharing.SHARED
    ]


def about(record: TokenRecord) -> str:
    """Return what a shared token is sealed about: it opens as nothing else, and for no other team."""
    grant = record.grant
    return f"{record.id}/{grant.profile}/{grant.team}/{grant.epoch}"


class Making:
    """Issues shared tokens under a flight, and puts them where every process finds them."""

    def __init__(
        self,
        *,
        policies: Policies,
        issuing: Issuing,
        shared: SharedTokens,
        sealing: Sealing,
        clock: Clock,
        holder: str,
        flight_time: timedelta,
    ) -> None:
        self._policies = policies
        self._issuing = issuing
        self._shared = shared
        self._sealing = sealing
        self._clock = clock
        self._holder = holder
        self._flight_time = flight_time

    def make(self, offer: Offer, seen: str, *, request_id: str) -> Wait | None:
        """Make the token that follows ``seen`` (an id, empty for none), or say how long somebody else has the right.

        None means look again: it was made, by us or by another. Raises what issuing raises; then nobody tries again
        for a while. A process that dies here leaves a flight that ends by itself.
        """
        flight = self._shared.take_flight(offer.name, self._holder, seen=seen, lasts=self._flight_time)
        if not isinstance(flight, Flight):
            return flight
        try:
            issued = self._issue(offer, request_id)
        except SasServiceError as error:
            with suppress(SasServiceError):
                self._shared.rest(flight, min(error.retry_after or REST, LONGEST_REST))
            raise
        self._put(flight, offer, issued, request_id)
        return None

    def _issue(self, offer: Offer, request_id: str) -> Issued:
        policy, now = self._policies.current(), self._clock.now()
        decision = decide_shared(policy, offer.team, offer.profile, now)
        return self._issuing.share(Allowed(decision, offer.account, offer.profile), request_id=request_id)

    def _put(self, flight: Flight, offer: Offer, issued: Issued, request_id: str) -> None:
        record = issued.record
        schedule = offer.window.schedule(record.issued_at, record.grant.expiry, record.id)
        sealed = self._sealing.seal(issued.token, about=about(record))
        try:
            self._shared.put(flight, Shared(record, issued.client_id, sealed, schedule))
        except (EpochMoved, LeaseLost) as error:
            # We were too slow, or the account was switched: nobody has this token, and nobody will.
            self._issuing.drop(record, error, request_id)
