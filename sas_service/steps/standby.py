"""Bringing up the slot that takes over: the identity on the account, its role, and the proof that both work."""

import json
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

from sas_service.domain.runs import PROVEN_KEYS, Streak
from sas_service.ports import EffectiveRole, IdentitiesReading
from sas_service.steps import canaries
from sas_service.steps.run import Run
from sas_service.steps.step import Seen

ATTACH, ASSIGN = "attach-identity", "assign-role"
OTHERS_CHANGED, NOT_PROVEN = "others-changed", "standby-not-proven"


def is_attached(run: Run) -> Seen:
    """Look whether every identity that takes over is on the account, and nothing else has changed."""
    reading = run.world.identities.read(run.entry.account)
    missing = _newcomers(run) - reading.attached
    if missing:
        return Seen(missing=f"not attached yet: {', '.join(sorted(missing))}")
    return surprise(run, reading, ATTACH) or Seen(done=True)


def attach(run: Run) -> None:
    """Attach what is missing, one after the other."""
    reading = run.world.identities.read(run.entry.account)
    for identity in sorted(_newcomers(run) - reading.attached):

        def send(request_id: str, identity: str = identity) -> str | None:
            return run.world.identities.attach(run.entry.account, identity, request_id=request_id)

        run.write(ATTACH, "attach", identity, send, baseline=comparable(reading))


def detach_again(run: Run) -> Seen:
    """Detach what this run attached, unless a token may hang on it; for an abort."""
    reading = run.world.identities.read(run.entry.account)
    for identity in _own(run, "attach", ATTACH):
        if identity in reading.attached and _is_unused(run, identity):

            def send(request_id: str, identity: str = identity) -> str | None:
                return run.world.identities.detach(run.entry.account, identity, request_id=request_id)

            run.write(ATTACH, "detach", identity, send, baseline=comparable(reading))
            return Seen(missing=f"{identity} is still attached")
    return Seen(done=True)


def is_assigned(run: Run) -> Seen:
    """Look whether every identity that takes over has its profile's data role."""
    missing = sorted(identity for identity, role in _roles_wanted(run) if not _has_role(run, identity, role))
    return Seen(missing=f"no role yet: {', '.join(missing)}") if missing else Seen(done=True)


def assign(run: Run) -> None:
    """Assign what is missing; the assignment's name makes repeating it harmless."""
    for identity, role in _roles_wanted(run):
        principal = run.principal(identity)
        if principal is None or _has_role(run, identity, role):
            continue

        if run.entry.principals.get(identity) != principal:
            # Once it is detached again, the account does not tell any more.
            run.save(replace(run.entry, principals={**run.entry.principals, identity: principal}))

        def send(request_id: str, principal: str = principal, role: str = role) -> str | None:
            return run.world.roles.assign(run.entry.account, principal, role, request_id=request_id)

        run.write(ASSIGN, "assign", identity, send, baseline="no role")


def remove_again(run: Run) -> Seen:
    """Remove the data role that this run assigned, and no other, unless a token may hang on it; for an abort."""
    for identity in _own(run, "assign", ASSIGN):
        principal = run.principal(identity)
        effective = run.world.roles.effective(run.entry.account, principal) if principal else ()
        given = {role for name, role in _roles_wanted(run) if name == identity}
        own = [each for each in effective if not (each.inherited or each.through_group) and _is_one_of(given, each)]
        if own and _is_unused(run, identity):

            def send(request_id: str, assignment: str = own[0].assignment_id) -> str | None:
                return run.world.roles.remove(run.entry.account, assignment, request_id=request_id)

            run.write(ASSIGN, "remove", identity, send, baseline=own[0].assignment_id)
            return Seen(missing=f"{identity} still has its role")
    return Seen(done=True)


def is_proven(run: Run) -> Seen:
    """Probe the new slot of every profile on every host: accepted, in a row, for long enough."""
    step = run.entry.step
    unsigned = [name for name in canaries.standby_names(run) if not canaries.usable(run, name)]
    if not canaries.standby_names(run):
        return Seen(done=True)
    if unsigned:
        return Seen(missing=f"canaries to sign: {', '.join(unsigned)}", human=_overdue(run))
    if not canaries.all_accepted(run, canaries.standby_names(run)):
        missing = "the new slot is not accepted everywhere yet"
        return Seen(missing=missing, human=_overdue(run), streak=Streak())
    streak = (step.streak if step else Streak()).with_round(run.now)
    if streak.rounds >= proof_rounds(run) and run.now - (streak.since or run.now) >= proof_span(run):
        # With the key that was proven: what a run that is restored from events compares before it cuts.
        evidence = {"rounds": streak.rounds, PROVEN_KEYS: dict(run.entry.key_fingerprints)}
        return Seen(done=True, streak=streak, evidence=evidence)
    return Seen(missing=f"accepted {streak.rounds} times in a row", streak=streak)


def prove(run: Run) -> None:
    """Sign the canaries that are missing, and note the key that takes over."""
    key = run.way.new_key
    if key.value not in run.entry.key_fingerprints:
        reading = run.world.keys.read(run.entry.account)
        run.save(replace(run.entry, key_fingerprints={key.value: reading.fingerprints[key]}))
    canaries.sign_standby(run)


def proof_rounds(run: Run) -> int:
    """How many rounds prove something; in an emergency one has to do."""
    return 1 if canaries.is_emergency(run) else run.pace.proof_rounds


def proof_span(run: Run) -> timedelta:
    """Over how long; in an emergency at once."""
    return timedelta() if canaries.is_emergency(run) else run.pace.proof_span


def comparable(reading: IdentitiesReading) -> str:
    """Write everything that a change of one identity must leave alone."""
    return json.dumps({"attached": sorted(reading.attached), "others": dict(reading.others)}, sort_keys=True)


def surprise(run: Run, reading: IdentitiesReading, step: str) -> Seen | None:
    """Return that a person must look, if more than the one identity has changed since the intent."""
    code = f"{OTHERS_CHANGED}:{sha256(comparable(reading).encode()).hexdigest()[:12]}"
    if code in run.entry.accepted:
        return None
    for intent in run.entry.intents:
        if intent.step != step:
            continue
        before = json.loads(intent.baseline)
        ours = {each.name for each in run.entry.intents if each.step == step}
        lost = set(before["attached"]) - reading.attached - ours
        if lost or before["others"] != dict(reading.others):
            missing = f"more has changed on the account than {intent.name}: look at it, then resume"
            return Seen(missing=missing, human=code)
    return None


def _overdue(run: Run) -> str | None:
    step = run.entry.step
    begun = step.begun if step else None
    return NOT_PROVEN if begun and run.now - begun > run.pace.proof_limit else None


def _newcomers(run: Run) -> set[str]:
    """Return who takes over; not for a profile that the policy has no more, nor perhaps its identities."""
    return {identity for name, identity in run.way.identities.items() if name in run.profiles}


def _roles_wanted(run: Run) -> list[tuple[str, str]]:
    profiles = run.profiles
    ways = run.way.identities.items()
    return sorted({(identity, profiles[name].data_role) for name, identity in ways if name in profiles})


def _has_role(run: Run, identity: str, role: str) -> bool:
    principal = run.principal(identity)
    if principal is None:
        return False
    effective = run.world.roles.effective(run.entry.account, principal)
    return any(_is_one_of({role}, each) for each in effective)


def _is_one_of(data_roles: set[str], role: EffectiveRole) -> bool:
    """Tell whether ``role`` is one of the policy's words for data roles: a name or a GUID."""
    return not data_roles.isdisjoint({role.role_name, role.role_id})


def _own(run: Run, operation: str, step: str) -> list[str]:
    return [each.name for each in run.entry.intents if (each.operation, each.step) == (operation, step)]


def _is_unused(run: Run, identity: str) -> bool:
    slots = run.world.slots.read(run.entry.account)
    return identity not in slots.identities.values() and not run.past.unclean_until(identity, run.records(), run.now)
