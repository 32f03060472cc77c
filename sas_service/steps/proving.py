"""The end: what was cut is refused everywhere, what took over is accepted, and all of it is on record."""

from dataclasses import replace

from sas_service.domain.probes import OLD_KEY
from sas_service.domain.runs import Streak
from sas_service.steps import canaries, guards, sharing_keys
from sas_service.steps.cutting import REGENERATE
from sas_service.steps.run import Run
from sas_service.steps.step import Seen

UNPROVABLE = "revocation-not-provable"
STILL_ACCEPTED = "still-accepted"


def is_revoked(run: Run) -> Seen:
    """Probe every canary of what was cut: refused on every host, in a row; and the new slot still accepted."""
    held = guards.new_key_is_the_proven_one(run)
    if held is not None:
        return held
    names = [name for name in canaries.old_names(run) if name not in run.entry.accepted]
    by_azure = [name for name in names if _is_known_by_its_key(run, name)]
    mute = [name for name in names if name not in by_azure and not _can_testify(run, name)]
    if mute and UNPROVABLE not in run.entry.accepted:
        missing = f"nothing is left to ask about: {', '.join(mute)} has expired or was never accepted"
        return Seen(missing=missing, human=UNPROVABLE)
    answers = [answer for name in names if name not in {*mute, *by_azure} for answer in canaries.probe(run, name)]
    standby = [name for name in canaries.standby_names(run) if canaries.usable(run, name)]
    if len(standby) < len(canaries.standby_names(run)):
        return Seen(missing="canaries of the new slot to sign")
    is_round = all(answer.refused for answer in answers) and (not standby or canaries.all_accepted(run, standby))
    is_old = bool(by_azure) and not _is_another_key(run)
    seen = _count(run, is_round=is_round and not is_old, is_broken=is_old or any(each.accepted for each in answers))
    if not (seen.done and by_azure):
        return seen
    return replace(seen, evidence={**seen.evidence, "provenByKeyFingerprint": by_azure})


def sign_again(run: Run) -> None:
    """Sign the canaries of the new slot that have expired."""
    canaries.sign_standby(run)


def is_complete(run: Run) -> Seen:
    """Put the end together, once no daemon is left with a dead key: the runner closes the journal with it."""
    kept = sharing_keys.are_kept(run)
    if not kept.done:
        return kept
    reading = run.world.keys.read(run.entry.account)
    evidence = {
        "casualties": len(run.entry.casualties),
        "excused": sorted(run.entry.excused),
        "accepted": sorted(run.entry.accepted),
        "sent": [
            {"operation": each.operation, "name": each.name, "times": len(each.sent), "azure": each.azure_request_id}
            for each in run.entry.intents
        ],
        "probes": len(run.entry.probes),
        "keyFingerprints": {key.value: known for key, known in reading.fingerprints.items()},
    }
    return Seen(done=True, evidence=evidence)


def _can_testify(run: Run, name: str) -> bool:
    return canaries.usable(run, name) and run.entry.canaries[name].proven


def _is_known_by_its_key(run: Run, name: str) -> bool:
    """Tell whether the account itself must testify, because the policy has nobody to sign a canary of the key with."""
    return name.startswith(OLD_KEY) and canaries.is_unsignable(run, name)


def _is_another_key(run: Run) -> bool:
    """Look whether the key that Azure shows now is another one than before it was cut: then the old one is gone."""
    key = run.way.kill.key
    intent = run.entry.intent("regenerate", key.value, REGENERATE) if key else None
    if key is None or intent is None:
        return False
    return run.world.keys.read(run.entry.account).fingerprints[key] != intent.baseline


def _count(run: Run, *, is_round: bool, is_broken: bool) -> Seen:
    step = run.entry.step
    before = step.streak if step else Streak()
    late = step is not None and step.begun is not None and run.now - step.begun > run.pace.proof_limit
    if not is_round:
        missing = "what was cut is still accepted" if is_broken else "not every host has answered clearly"
        return Seen(missing=missing, human=STILL_ACCEPTED if late else None, streak=Streak())
    streak = before.with_round(run.now)
    # Also in an emergency: by now nobody is hurried, and the end must be proven.
    if streak.rounds >= run.pace.proof_rounds and run.now - (streak.since or run.now) >= run.pace.proof_span:
        return Seen(done=True, streak=streak, evidence={"rounds": streak.rounds})
    return Seen(missing=f"refused {streak.rounds} times in a row", streak=streak)
