"""What an admin should know before starting: none of it stops the plan."""

from collections.abc import Iterator

from sas_service.domain.directions import Direction
from sas_service.domain.revocations import Reason, Target
from sas_service.domain.situations import Situation

_THIEVES = frozenset({Reason.TOKEN_LEAK, Reason.OFFBOARDING, Reason.KEY_COMPROMISE})


def warnings(target: Target, reason: Reason, way: Direction, situation: Situation) -> Iterator[str]:
    """Yield every warning."""
    yield from _suspend_first(target, reason, situation)
    yield from _about_keys(way, situation)
    yield from _about_identities(way, situation)
    if situation.azure.local_auth_disabled:
        yield "local authentication is off: no token works now, and every unexpired one will when it is turned on"


def _suspend_first(target: Target, reason: Reason, situation: Situation) -> Iterator[str]:
    if reason not in _THIEVES or target.kind not in {"team", "profile"}:
        return
    for name in target.values:
        if (target.kind, name) not in situation.suspended:
            yield f"suspend {target.kind} {name} first: whoever can ask again is not stopped by a revocation"


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
