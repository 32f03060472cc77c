"""Where a run goes, derived and never configured: the other key, a clean identity; or why there is no way."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sas_service.domain.blast_radius import Kill
from sas_service.domain.policy import Profile
from sas_service.domain.revocations import Lever, Target, other
from sas_service.domain.situations import RoleReading, Situation
from sas_service.domain.slots import SigningKey


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a lever cannot be pulled now; ``until`` is when time alone removes it, None if it never does."""

    what: str
    ways_out: tuple[str, ...]
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Direction:
    """What is cut and what takes over: ``identities`` is profile -> identity for all profiles that must move.

    ``standby`` is profile -> identity of every profile whose new slot must be proven before anybody moves.
    """

    kill: Kill
    new_key: SigningKey
    identities: Mapping[str, str]
    standby: Mapping[str, str]
    obstacles: tuple[Obstacle, ...] = field(default=())


def direction(lever: Lever, target: Target, situation: Situation) -> Direction:
    """Return where ``lever`` leads from here, with everything that stands in its way."""
    meant = [record for record in situation.live if target.selects(record)]
    cut_key = _cut_key(lever, target, situation)
    cut = frozenset(_cut_identities(target, situation) if lever.cuts_role else ())
    new_key = other(cut_key) if cut_key else situation.slots.signing_key
    moving = {name: each for name, each in situation.profiles.items() if situation.active_identity(each) in cut}
    chosen = {name: next_identity(profile, cut, situation) for name, profile in moving.items()}
    identities = {name: identity for name, identity in chosen.items() if identity}
    affected = situation.profiles if cut_key else moving
    staying = {name: situation.active_identity(each) for name, each in affected.items() if name not in identities}
    # A slot that serves nobody now has nothing to lose, and would never be proven: it must not hold up the cut.
    standby = {**identities, **{name: each for name, each in staying.items() if situation.azure.serves(each)}}
    obstacles = (
        *_key_obstacles(cut_key, situation),
        *_identity_obstacles({name: moving[name] for name in moving if not chosen[name]}, cut, target, situation),
        *(_role_obstacles(cut, target, situation) if lever.cuts_role else ()),
    )
    kill = Kill(cut_key, cut)
    missed = [record for record in meant if not kill.hits(record)]
    if missed:
        what = f"{len(missed)} of the tokens that are meant hang on neither what is cut"
        ways_out = _by_keys_alone(target, situation)
        obstacles = (*obstacles, Obstacle(what, ways_out, max(each.grant.expiry for each in missed)))
    return Direction(kill, new_key, identities, standby, obstacles)


def _cut_key(lever: Lever, target: Target, situation: Situation) -> SigningKey | None:
    """The key that is asked for, or that signed all that is meant; else the active one."""
    if not lever.cuts_key:
        return None
    if target.kind == "signingKey":
        return SigningKey(target.values[0])
    signed = _signed_with(target, situation)
    return next(iter(signed)) if len(signed) == 1 else situation.slots.signing_key


def _signed_with(target: Target, situation: Situation) -> frozenset[SigningKey]:
    return frozenset(record.grant.signing_key for record in situation.live if target.selects(record))


def _by_keys_alone(target: Target, situation: Situation) -> tuple[str, ...]:
    """Return the ways to cut what is meant without touching a role: one run cuts one key."""
    keys = sorted(_signed_with(target, situation))
    if len(keys) <= 1:
        return ("lever key",)
    return f"two runs, one for each signing key: target signingKey {' / '.join(keys)}", "lockdown"


def _cut_identities(target: Target, situation: Situation) -> Iterator[str]:
    """The identities behind all that is meant, and behind what would be issued to the target next."""
    for record in situation.live:
        if target.selects(record):
            yield record.grant.identity
    for name, profile in situation.profiles.items():
        identity = situation.active_identity(profile)
        named = {"profile": name, "identity": identity, "account": profile.account}.get(target.kind)
        if named in target.values or (target.kind == "signingKey"):
            yield identity


def next_identity(profile: Profile, cut: frozenset[str], situation: Situation) -> str | None:
    """Return the first identity of the profile that may take over; one that serves now is proven sooner."""
    free = [name for name in profile.identities if name not in cut and not situation.quarantined_until(name)]
    # One that was cut may have any other role: the data role would still bring its tokens back.
    serving = [name for name in free if situation.azure.serves(name) and not situation.revives(name)]
    clean = [name for name in free if not situation.past.unclean_until(name, situation.records, situation.now)]
    return next(iter((*serving, *clean)), None)


def _key_obstacles(cut_key: SigningKey | None, situation: Situation) -> Iterator[Obstacle]:
    if cut_key is None:
        return
    takes_over = other(cut_key)
    until = situation.quarantined_until(takes_over.value)
    if until:
        what = f"{takes_over.value} is in quarantine: a late regeneration could still kill what it signs"
        yield Obstacle(what, ("lever role", "lockdown"), until)


def _identity_obstacles(
    stuck: Mapping[str, Profile], cut: frozenset[str], target: Target, situation: Situation
) -> Iterator[Obstacle]:
    # What signs now is cut as long as it signs; what is cut for its tokens alone is free once they have expired.
    signing = {situation.active_identity(each) for each in situation.profiles.values()}
    for name, profile in stuck.items():
        others = [each for each in profile.identities if each not in cut & signing]
        ends = [end for each in others if (end := _free_at(each, situation))]
        what = f"profile {name} has no clean identity out of quarantine to move to"
        ways_out = (*_by_keys_alone(target, situation), f"name a further identity under profiles.{name}.identities")
        yield Obstacle(what, ways_out, min(ends, default=None))


def _free_at(identity: str, situation: Situation) -> datetime | None:
    unclean = situation.past.unclean_until(identity, situation.records, situation.now)
    ends = [end for end in (unclean, situation.quarantined_until(identity)) if end]
    return max(ends, default=None)


def _role_obstacles(cut: frozenset[str], target: Target, situation: Situation) -> Iterator[Obstacle]:
    if situation.azure.location == "global":
        yield Obstacle("an account in location global has no managed identities", _by_keys_alone(target, situation))
    for identity in sorted(cut):
        inherited = situation.azure.roles.get(identity, RoleReading()).inherited
        if inherited:
            what = f"{identity} would keep its role: {', '.join(inherited)} cannot be removed at the account"
            yield Obstacle(what, (*_by_keys_alone(target, situation), "remove the inherited assignment"))
