"""Cutting: regenerate the key, detach the identity, remove its role; nothing is sent before the guards agree."""

from sas_service.domain.cuts import IDENTITY, KEY, Cut
from sas_service.ports import EffectiveRole
from sas_service.steps import guards
from sas_service.steps.run import Run
from sas_service.steps.standby import comparable, surprise
from sas_service.steps.step import Seen

REGENERATE, DETACH, REMOVE = "regenerate-key", "detach-identity", "remove-role"
INHERITED = "inherited-role"


def is_regenerated(run: Run) -> Seen:
    """Look whether the key is another one than before the first intent: only the account can say so."""
    key = run.way.kill.key
    intent = run.entry.intent("regenerate", key.value, REGENERATE) if key else None
    if key is None or intent is None:
        return Seen(missing="the old key still signs")
    reading = run.world.keys.read(run.entry.account)
    if reading.fingerprints[key] == intent.baseline:
        return Seen(missing="the old key has not changed yet")
    evidence = {"before": intent.baseline, "after": reading.fingerprints[key], "sent": len(intent.sent)}
    return Seen(done=True, cuts=(_cut(run, KEY, key.value),), evidence=evidence)


def regenerate(run: Run) -> Seen | None:
    """Regenerate the old key: sent once per attempt, and again only if the key has not changed for long."""
    key = run.way.kill.key
    held = guards.why_not_cut(run)
    if held or key is None:
        return held
    baseline = run.world.keys.read(run.entry.account).fingerprints[key]
    run.write(
        REGENERATE,
        "regenerate",
        key.value,
        lambda request_id: run.world.keys.regenerate(run.entry.account, key, request_id=request_id),
        baseline=baseline,
        patience=run.pace.regenerate_again_after,
    )
    return None


def is_detached(run: Run) -> Seen:
    """Look whether the old identities are off the account, and nothing else is."""
    reading = run.world.identities.read(run.entry.account)
    left = run.way.kill.identities & reading.attached
    if left:
        return Seen(missing=f"still attached: {', '.join(sorted(left))}")
    cuts = tuple(_cut(run, IDENTITY, identity) for identity in sorted(run.way.kill.identities))
    return surprise(run, reading, DETACH) or Seen(done=True, cuts=cuts)


def detach(run: Run) -> Seen | None:
    """Detach the old identities, one after the other."""
    held = guards.why_not_cut(run)
    if held:
        return held
    reading = run.world.identities.read(run.entry.account)
    for identity in sorted(run.way.kill.identities & reading.attached):

        def send(request_id: str, identity: str = identity) -> str | None:
            return run.world.identities.detach(run.entry.account, identity, request_id=request_id)

        run.write(DETACH, "detach", identity, send, baseline=comparable(reading))
    return None


def is_removed(run: Run) -> Seen:
    """Look whether the old identities have no role left, from wherever it came."""
    left = {identity: _roles(run, identity) for identity in sorted(run.way.kill.identities)}
    inherited = [identity for identity, roles in left.items() if any(_is_foreign(each) for each in roles)]
    own = [identity for identity, roles in left.items() if any(not _is_foreign(each) for each in roles)]
    if own:
        return Seen(missing=f"still has its role: {', '.join(own)}")
    if inherited:
        missing = f"{', '.join(inherited)} keeps a role from above the account or through a group: remove it there"
        return Seen(missing=missing, human=INHERITED)
    return Seen(done=True, cuts=tuple(_cut(run, IDENTITY, identity) for identity in left))


def remove(run: Run) -> Seen | None:
    """Remove every assignment that the old identities have at the account itself."""
    held = guards.why_not_cut(run)
    if held:
        return held
    for identity in sorted(run.way.kill.identities):
        own = [each for each in _roles(run, identity) if not _is_foreign(each)]
        for each in own:

            def send(request_id: str, assignment: str = each.assignment_id) -> str | None:
                return run.world.roles.remove(run.entry.account, assignment, request_id=request_id)

            run.write(REMOVE, "remove", identity, send, baseline=each.assignment_id)
    return None


def _roles(run: Run, identity: str) -> tuple[EffectiveRole, ...]:
    principal = run.principal(identity)
    return run.world.roles.effective(run.entry.account, principal) if principal else ()


def _is_foreign(role: EffectiveRole) -> bool:
    return role.inherited or role.through_group


def _cut(run: Run, kind: str, name: str) -> Cut:
    return Cut(kind, name, run.world.slots.read(run.entry.account).epoch, run.now)
