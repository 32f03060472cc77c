"""Releasing an account: both keys are others, one is safe to sign with, its tokens are let in, no older ones are."""

from dataclasses import replace

from sas_service.domain.audit import EventKind
from sas_service.domain.errors import EpochMoved
from sas_service.domain.lockdowns import LockdownState
from sas_service.domain.revocations import other
from sas_service.domain.slots import SigningKey
from sas_service.steps import canaries, locking
from sas_service.steps.locking import Lock
from sas_service.steps.step import Seen

ENABLE, ACCEPTED = "enable-local-auth", "prove-accepted"
NEW_KEY = "new-key:"


def safe_key(lock: Lock) -> SigningKey | None:
    """Return the key to sign with: the active one, or the other where a regeneration may still hit the active one."""
    active = lock.world.slots.read(lock.entry.account).signing_key
    keys = (active, other(active))
    return next((k for k in keys if not lock.entry.unsettled_until(k, lock.pace.quarantine, lock.now)), None)


def is_safe(lock: Lock) -> Seen:
    """Look whether the active key is one that no late regeneration can kill."""
    unchanged = lock.entry.unchanged_keys(lock.world.keys.read(lock.entry.account).fingerprints)
    if unchanged:
        return Seen(missing=f"as before the lock: {', '.join(unchanged)}")
    key = safe_key(lock)
    if key is None:
        return Seen(missing="a regeneration of either key may still be under way: its quarantine is waited for")
    active = lock.world.slots.read(lock.entry.account)
    return Seen(done=key is active.signing_key, missing="the other key is to sign", evidence={"epoch": active.epoch})


def choose(lock: Lock) -> Seen | None:
    """Let the other key sign, if it alone is safe."""
    key, slots = safe_key(lock), lock.world.slots.read(lock.entry.account)
    if key is None or key is slots.signing_key:
        return None
    try:
        lock.world.slots.switch(
            slots.account, after_epoch=slots.epoch, signing_key=key, identities={}, fence=lock.lease.fence
        )
    except EpochMoved:
        return Seen(missing="the account is being switched")
    return None


def is_enabled(lock: Lock) -> Seen:
    """Look whether the account lets keys and SAS tokens in again."""
    disabled = lock.world.local_auth.read(lock.entry.account).disabled
    return Seen(done=not disabled, missing="local authentication is still off")


def enable(lock: Lock) -> Seen | None:
    """Switch local authentication on; the keys are asked once more, before every sending."""
    safe = is_safe(lock)
    if not safe.done:
        return safe

    def send(request_id: str) -> str | None:
        return lock.world.local_auth.set(lock.entry.account, disabled=False, request_id=request_id)

    lock.write(ENABLE, "disableLocalAuth", "false", send, baseline="off")
    return None


def is_accepted(lock: Lock) -> Seen:
    """Probe: a token of the new key is let in on every host, in a row, and no canary of the old keys is."""
    name = _canary(lock)
    if canaries.signer(lock) is None:
        return Seen(done=True, evidence={"proven": False})  # no profile is left to sign with: nobody can be let in
    if not canaries.usable(lock, name):
        return Seen(missing="the canary of the new key is to sign")
    if not all(answer.accepted for answer in canaries.probe(lock, name)):
        return locking.count(lock, ACCEPTED, is_round=False, missing="the new key is not accepted everywhere yet")
    old = [answer for canary in locking.testifying(lock) for answer in canaries.probe(lock, canary.name)]
    is_dead = all(answer.refused for answer in old)
    return locking.count(
        lock, ACCEPTED, is_round=is_dead, missing="a token of before the lock is not refused everywhere"
    )


def sign_new(lock: Lock) -> None:
    """Sign the canary of the key that is to sign."""
    slots, found = lock.world.slots.read(lock.entry.account), canaries.signer(lock)
    if found is not None:
        canaries.sign(lock, _canary(lock), found[0], slots.signing_key, found[1])


def is_free(lock: Lock) -> Seen:
    """Never done by looking: the write that frees the account is the last one."""
    return Seen(done=lock.entry.state is LockdownState.RELEASED, missing="to be freed")


def free(lock: Lock) -> Seen:
    """Free the account: issuing begins again, and the canaries' secrets go."""
    now = lock.world.keys.read(lock.entry.account).fingerprints
    left = {key.value: known for key, known in now.items()}
    ended = replace(lock.entry, state=LockdownState.RELEASED, ended_at=lock.now, canaries={}, missing="", left=left)
    slots = lock.world.slots.read(lock.entry.account)
    lock.event(EventKind.LOCKDOWN_ENDED, keyFingerprints=left, slots=slots.document())
    lock.save(ended)
    return Seen(done=True)


def _canary(lock: Lock) -> str:
    """Name it by key and generation: a key that is made anew once more needs another canary."""
    slots = lock.world.slots.read(lock.entry.account)
    return f"{NEW_KEY}{slots.signing_key.value}:{slots.epoch}"
