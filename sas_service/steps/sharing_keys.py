"""Daemons that read the account's shared key from a Key Vault: they are moved to the key that stays, before the cut."""

from datetime import timedelta

from sas_service.domain.policy import SharedKeySecret
from sas_service.domain.slots import SigningKey
from sas_service.steps import canaries
from sas_service.steps.run import Run
from sas_service.steps.step import Seen

MOVE = "move-daemons"
COPY, COPY_BACK = "copy-key", "copy-key-back"


def are_moved(run: Run) -> Seen:
    """Look whether every secret holds the new key, for long enough that every daemon has read it.

    An emergency waits for no daemon: a secret counts once the key was sent to it.
    """
    if run.way.kill.key is None or not run.account.shared_key_secrets:
        return Seen(done=True)
    waits = {each.place.name: _waits(run, each, run.way.new_key) for each in run.account.shared_key_secrets}
    late = sorted(name for name, wait in waits.items() if wait is None or wait > timedelta())
    evidence = {"sharedKeySecrets": sorted(waits), "key": run.way.new_key.value}
    if not late:
        return Seen(done=True, evidence=evidence)
    return Seen(missing=f"daemons have not read the new key yet: {', '.join(late)}", evidence=evidence)


def move(run: Run) -> None:
    """Write the new key into every secret that has another value; daemons' key and SAS key stay on the same side."""
    for each in run.account.shared_key_secrets:
        # In an emergency the vault is not asked: one that is away must not hold up the cut.
        if canaries.is_emergency(run) or not _holds(run, each, run.way.new_key):
            _copy(run, each, run.way.new_key, COPY)


def are_kept(run: Run) -> Seen:
    """Look whether every secret holds the key that stays: in an emergency nobody has looked before the cut."""
    if run.way.kill.key is None:
        return Seen(done=True)
    dead = sorted(each.place.name for each in run.account.shared_key_secrets if not _holds(run, each, run.way.new_key))
    return Seen(done=not dead, missing=f"daemons read a dead key: {', '.join(dead)} is written again" if dead else "")


def copy_again(run: Run) -> None:
    """Write the key that stays where it is not: a copy has failed, or somebody has overwritten it."""
    for each in run.account.shared_key_secrets:
        if run.way.kill.key is not None and not _holds(run, each, run.way.new_key):
            _copy(run, each, run.way.new_key, COPY)


def move_back(run: Run) -> Seen:
    """Write the old key again, which still works; for an abort."""
    old = run.way.kill.key
    for each in run.account.shared_key_secrets:
        if old is not None and run.entry.intent(COPY, each.place.name, MOVE) and not _holds(run, each, old):
            _copy(run, each, old, COPY_BACK)
            return Seen(missing=f"{each.place.name} still holds the other key")
    return Seen(done=True)


def _waits(run: Run, each: SharedKeySecret, key: SigningKey) -> timedelta | None:
    """Return how long to wait for the daemons of one secret yet; None while it does not hold the key."""
    if canaries.is_emergency(run):
        return timedelta() if run.entry.intent(COPY, each.place.name, MOVE) else None
    kept = run.world.shared_keys.read(each.place)
    if kept is None or kept.fingerprint != run.world.keys.read(run.entry.account).fingerprints[key]:
        return None
    return kept.since + each.refresh_within - run.now


def _holds(run: Run, each: SharedKeySecret, key: SigningKey) -> bool:
    kept = run.world.shared_keys.read(each.place)
    return kept is not None and kept.fingerprint == run.world.keys.read(run.entry.account).fingerprints[key]


def _copy(run: Run, each: SharedKeySecret, key: SigningKey, operation: str) -> None:
    def send(request_id: str) -> str | None:
        return run.world.shared_keys.copy_key(run.entry.account, key, each.place, request_id=request_id)

    run.write(MOVE, operation, each.place.name, send, baseline=key.value)
