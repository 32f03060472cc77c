"""Locking an account down: see its keys, refuse everything, prove it, make both keys anew."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sas_service.domain.audit import EventKind
from sas_service.domain.lockdowns import NEW_KEYS, REGENERATE, Lockdown
from sas_service.domain.revocations import State
from sas_service.domain.runs import Canary, Streak
from sas_service.domain.slots import SigningKey
from sas_service.steps import canaries
from sas_service.steps.run import Acting
from sas_service.steps.step import Seen
from sas_service.steps.troubles import AZURE_TROUBLES

DISABLE, SIGN, PROVE, KEYS = "disable-local-auth", "sign-canaries", "prove-refused", NEW_KEYS
OLD_KEY = "old-key:"


class Lock(Acting[Lockdown]):
    """What steps of a lockdown are given."""

    kind = "lockdown"

    def save(self, entry: Lockdown) -> None:
        """Write the entry under the lease's fence."""
        self.entry = self.world.lockdowns.save(entry, lease=self.lease)


@dataclass(frozen=True, slots=True)
class LockStep:
    """One line of a lockdown: ``done`` looks, ``do`` changes and returns None, or what it has seen instead."""

    name: str
    purpose: str
    done: Callable[[Lock], Seen]
    do: Callable[[Lock], Seen | None] | None = None


def is_ended(lock: Lock) -> Seen:
    """Look whether a revocation still holds the account."""
    run = lock.world.journal.running(lock.entry.account)
    return Seen(done=run is None, missing=f"revocation {run.id} is open" if run else "")


def end(lock: Lock) -> None:
    """End the revocation that is under way, cut or not: every token that it meant dies with both keys."""
    run = lock.world.journal.running(lock.entry.account)
    if run is not None:
        lock.event(EventKind.REVOCATION_ENDED, revocation=run.id, state=State.ABORTED.value)
        ended = replace(run, state=State.ABORTED, preempted_by=lock.entry.id, ended_at=lock.now, canaries={})
        lock.world.journal.save(ended, fence=lock.lease.fence)


def are_seen(lock: Lock) -> Seen:
    """Look whether the keys' fingerprints of before are on record."""
    known = [key for key in SigningKey if key.value in lock.entry.fingerprints]
    if len(known) < len(SigningKey):
        return Seen(missing="the keys are not read yet")
    # On record before either is made anew: a lockdown that is restored from events compares with these.
    return Seen(done=True, evidence={"fingerprints": dict(lock.entry.fingerprints)})


def see(lock: Lock) -> None:
    """Remember both keys by their fingerprints: they must be others before anybody is let in again."""
    now = lock.world.keys.read(lock.entry.account).fingerprints
    lock.save(replace(lock.entry, fingerprints={key.value: known for key, known in now.items()}))


def are_signed(lock: Lock) -> Seen:
    """Look whether there is a canary of each key."""
    names = {OLD_KEY + key.value for key in SigningKey}
    return Seen(done=names <= lock.entry.canaries.keys(), missing="no canaries yet")


def sign_once(lock: Lock) -> Seen:
    """Sign a canary of each key and see it accepted; what cannot be had at once is done without: nothing waits."""
    found = canaries.signer(lock)
    if found is None:
        return Seen(done=True, evidence={"proven": []})
    profile, identity = found
    for key in SigningKey:
        name = OLD_KEY + key.value
        try:
            if name not in lock.entry.canaries:
                canaries.sign(lock, name, profile, key, identity)
        except AZURE_TROUBLES:
            continue
        answers = canaries.probe(lock, name)
        if answers and all(answer.accepted for answer in answers):
            canaries.mark_proven(lock, name)
    return Seen(done=True, evidence={"proven": [canary.name for canary in testifying(lock)]})


def is_disabled(lock: Lock) -> Seen:
    """Look whether the account refuses all keys and SAS tokens."""
    if lock.world.local_auth.read(lock.entry.account).disabled:
        return Seen(done=True)
    return Seen(missing="local authentication is still on")


def disable(lock: Lock) -> None:
    """Switch local authentication off, and nothing else."""

    def send(request_id: str) -> str | None:
        return lock.world.local_auth.set(lock.entry.account, disabled=True, request_id=request_id)

    lock.write(DISABLE, "disableLocalAuth", "true", send, baseline="on")


def are_refused(lock: Lock) -> Seen:
    """Probe the canaries: refused on every host, in a row; after the limit the keys are made anew all the same."""
    names = [canary.name for canary in testifying(lock)]
    if not names:
        return Seen(done=True, evidence={"proven": False})
    answers = [answer for name in names for answer in canaries.probe(lock, name)]
    seen = count(lock, PROVE, is_round=all(answer.refused for answer in answers), missing="still let in somewhere")
    begun = lock.entry.record(PROVE).begun
    is_late = begun is not None and lock.now - begun > lock.pace.proof_limit
    return Seen(done=True, evidence={"proven": False}) if is_late and not seen.done else seen


def are_regenerated(lock: Lock) -> Seen:
    """Look whether both keys are others than before the lock: only the account can say so."""
    now = lock.world.keys.read(lock.entry.account).fingerprints
    unchanged = lock.entry.unchanged_keys(now)
    if unchanged:
        return Seen(missing=f"not regenerated yet: {', '.join(unchanged)}")
    after = {key.value: known for key, known in now.items()}
    evidence = {"before": dict(lock.entry.fingerprints), "after": after}
    return Seen(done=True, cuts=lock.entry.dead_cuts(lock.now), evidence=evidence)


def regenerate(lock: Lock) -> None:
    """Regenerate the keys that are as before: each sent once, and again only if it has not changed for long."""
    now = lock.world.keys.read(lock.entry.account).fingerprints
    for key in lock.entry.unchanged_keys(now):

        def send(request_id: str, key: SigningKey = key) -> str | None:
            return lock.world.keys.regenerate(lock.entry.account, key, request_id=request_id)

        again = lock.pace.regenerate_again_after
        lock.write(KEYS, REGENERATE, key.value, send, baseline=now[key], patience=again)


def watch(lock: Lock) -> Seen:
    """Find local authentication that somebody else has switched on again, say so, and switch it off."""
    entry = lock.entry
    if is_disabled(lock).done:
        if entry.breached_at is not None:
            lock.save(replace(entry, breached_at=None))
        return Seen(done=True)
    if entry.breached_at is None:
        lock.event(EventKind.LOCKDOWN_BREACHED, localAuthDisabled=False)
        lock.save(replace(entry, breached_at=lock.now))
    disable(lock)
    again = is_disabled(lock)
    return again if again.done else Seen(missing="somebody else has switched local authentication on again")


def testifying(lock: Lock) -> list[Canary]:
    """Return the canaries whose refusal proves something: accepted before the lock, and not expired."""
    old = (each for name, each in sorted(lock.entry.canaries.items()) if name.startswith(OLD_KEY))
    return [canary for canary in old if canary.proven and canaries.usable(lock, canary.name)]


def count(lock: Lock, name: str, *, is_round: bool, missing: str) -> Seen:
    """Count rounds of the answer wanted: enough of them in a row, over long enough, are a proof."""
    if not is_round:
        return Seen(missing=missing, streak=Streak())
    streak = lock.entry.record(name).streak.with_round(lock.now)
    if streak.rounds >= lock.pace.proof_rounds and lock.now - (streak.since or lock.now) >= lock.pace.proof_span:
        return Seen(done=True, streak=streak, evidence={"proven": True, "rounds": streak.rounds})
    return Seen(missing=f"{streak.rounds} rounds in a row", streak=streak)
