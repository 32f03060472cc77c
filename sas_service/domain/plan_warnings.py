"""What an admin should know before starting: none of it stops the plan."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta

from sas_service.domain.directions import Direction
from sas_service.domain.iso8601 import format_duration, format_instant
from sas_service.domain.offers import Offer
from sas_service.domain.revocations import OnDeadline, Target
from sas_service.domain.situations import RoleReading, Situation
from sas_service.domain.slots import SigningKey


def warnings(target: Target, offered: Iterable[Offer], way: Direction, situation: Situation) -> Iterator[str]:
    """Yield every warning."""
    for offer in offered:
        yield f"suspend {offer.kind} {offer.id} first: whoever can ask again is not stopped by a revocation"
    if not any(target.selects(record) for record in situation.live):
        yield "no live token is meant: what is out is dead already, or was never issued here"
    yield from _about_keys(way, situation)
    yield from _about_identities(way, situation)
    yield from _about_quarantine(situation)
    if situation.azure.location == "global":
        yield "the account is in location global: it has no managed identities, so only the key can be cut"
    if situation.azure.local_auth_disabled:
        yield "local authentication is off: no token works now, and every unexpired one will when it is turned on"


_THEN: Mapping[OnDeadline, str] = {
    OnDeadline.HOLD: "the run then waits for a person",
    OnDeadline.PROCEED: "what has not moved by then dies",
    OnDeadline.ABORT: "the run then walks back",
}


def too_little_time(needed: timedelta, allowed: timedelta, on_deadline: OnDeadline) -> str:
    """Return the warning that applications are expected to take longer than they may."""
    told = f"need {format_duration(needed)}, and have {format_duration(allowed)}"
    return f"until the last has moved, applications are expected to {told}: {_THEN[on_deadline]}"


def _about_keys(way: Direction, situation: Situation) -> Iterator[str]:
    if way.kill.key:
        clients = "; sharedKeySecrets are moved first" if situation.shared_key_secrets else ""
        yield f"clients that use {way.kill.key.value} as a shared key are cut off too, and cannot be counted{clients}"
    for key in situation.azure.key_changes:
        yield f"{key.value} was changed by somebody else: what it had signed is dead already"


def _about_identities(way: Direction, situation: Situation) -> Iterator[str]:
    for profile in sorted(way.identities):
        left = set(situation.profiles[profile].identities) - way.kill.identities
        if len(left) == 1:
            yield f"profile {profile} has one identity left: the next run waits until the cut one is clean again"
    for identity in sorted(way.kill.identities - situation.azure.attached):
        yield f"{identity} is not attached any more: somebody else has detached it"
    active = {situation.active_identity(profile) for profile in situation.profiles.values()}
    for identity in sorted(active - way.kill.identities):
        if not situation.azure.serves(identity):
            yield f"{identity} signs now and is not attached or has no role: its tokens do not work, and are not proven"
    for identity in sorted(active | way.kill.identities):
        inherited = situation.azure.roles.get(identity, RoleReading()).inherited
        if inherited:
            yield f"{identity} has roles that are not removed at the account: {', '.join(inherited)}"


def _about_quarantine(situation: Situation) -> Iterator[str]:
    identities = {name for profile in situation.profiles.values() for name in profile.identities}
    for name in (*(key.value for key in SigningKey), *sorted(identities)):
        until = situation.quarantined_until(name)
        if until:
            yield f"{name} is in quarantine until {format_instant(until)}: nothing is signed with it before"
