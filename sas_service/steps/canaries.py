"""Canaries: tokens that the service signs for itself, to ask the data plane what it accepts."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from sas_service.domain.audit import EventKind
from sas_service.domain.errors import AzureRefused
from sas_service.domain.iso8601 import format_instant, whole_seconds
from sas_service.domain.policy import CLOCK_SKEW
from sas_service.domain.probes import OLD_IDENTITY, OLD_KEY, STANDBY
from sas_service.domain.revocations import Mode
from sas_service.domain.runs import Canary
from sas_service.domain.slots import SigningKey
from sas_service.domain.tokens import Grant
from sas_service.ports import Probed
from sas_service.steps.run import Acting, E, Run

_MARGIN = timedelta(minutes=1)


def is_emergency(run: Run) -> bool:
    """Tell whether speed goes before patience."""
    return run.entry.plan.asked.mode is Mode.EMERGENCY


def standby_names(run: Run) -> list[str]:
    """Return the canaries of the new slot: one for each profile that hangs on it.

    Nothing can be issued for a profile that the policy has no more: its slot need not be proven, and holds up nobody.
    """
    return [STANDBY + profile for profile in sorted(run.way.standby.keys() & run.profiles.keys())]


def old_names(run: Run) -> list[str]:
    """Return the canaries of what is cut: old key with new identity, and new key with each old identity."""
    kill = run.way.kill
    key = [OLD_KEY + kill.key.value] if kill.key else []
    return key + [OLD_IDENTITY + identity for identity in sorted(kill.identities)]


def usable(run: Acting[E], name: str) -> bool:
    """Tell whether the canary is there and lives long enough to be asked about."""
    canary = run.entry.canaries.get(name)
    return canary is not None and canary.expiry - run.now > _MARGIN


def sign_standby(run: Run) -> None:
    """Sign the canaries of the new slot that are missing."""
    for name in standby_names(run):
        if not usable(run, name):
            profile = name.removeprefix(STANDBY)
            sign(run, name, profile, run.way.new_key, run.way.standby[profile])


def sign_old(run: Run) -> None:
    """Sign the canaries of what will be cut, while that is still possible; none without a profile to sign with."""
    found = _signer_of_old(run)
    if found is None:
        return
    profile, taking_over = found
    for name in old_names(run):
        if usable(run, name) or name in run.entry.accepted:
            continue
        kill = run.way.kill
        if name.startswith(OLD_KEY) and kill.key:
            sign(run, name, profile, kill.key, taking_over)
        else:
            sign(run, name, profile, run.way.new_key, name.removeprefix(OLD_IDENTITY))


def signer(run: Acting[E]) -> tuple[str, str] | None:
    """Return a profile and the identity that it signs with, or would sign with first; None without any profile."""
    active = run.world.slots.read(run.entry.account).identities
    used = sorted(active.keys() & run.profiles.keys())
    if used:
        return used[0], active[used[0]]
    fresh = min(run.profiles, default=None)
    return None if fresh is None else (fresh, run.profiles[fresh].identities[0])


def is_unsignable(run: Run, name: str) -> bool:
    """Tell whether there is no such canary because the policy has no profile of the account to sign it with."""
    return name not in run.entry.canaries and not run.profiles


def probe(run: Acting[E], name: str) -> list[Probed]:
    """Ask every host about a canary, and note the answers."""
    canary = run.entry.canaries[name]
    token = run.world.sealing.open(canary.sealed, about=_about(run, name))
    answers = []
    for host in run.account.hosts:
        run.keep_lease()
        answers.append(run.world.data_plane.probe(run.entry.account, host, token))
    at = format_instant(run.now)
    notes = tuple(
        {"at": at, "canary": name, "host": host, "status": answer.status}
        for host, answer in zip(run.account.hosts, answers, strict=True)
    )
    run.entry = run.entry.with_probes(notes)
    return answers


def all_accepted(run: Run, names: Iterable[str]) -> bool:
    """Tell whether every host accepts every one of the canaries now; False if there is none to ask about."""
    answers = [answer for name in names if usable(run, name) for answer in probe(run, name)]
    return bool(answers) and all(answer.accepted for answer in answers)


def mark_proven(run: Acting[E], name: str) -> None:
    """Remember that the canary was accepted before the cut: only then does its refusal prove anything."""
    run.save(run.entry.with_canary(replace(run.entry.canaries[name], proven=True)))


def sign(run: Acting[E], name: str, profile: str, key: SigningKey, identity: str) -> None:
    """Sign one canary, on record, and keep it sealed."""
    principal = run.principal(identity)
    if principal is None:
        raise AzureRefused(f"the identity {identity} is not attached", effect="none")
    grant = _grant(run, profile, key, identity, principal)
    signed = run.world.maps_account.sign(grant, request_id=run.world.new_id())
    run.event(
        EventKind.CANARY_SIGNED,
        canary=name,
        fingerprint=signed.token.fingerprint,
        signingKey=key.value,
        identity=identity,
        expiry=format_instant(grant.expiry),
    )
    sealed = run.world.sealing.seal(signed.token, about=_about(run, name))
    canary = Canary(name, sealed, signed.token.fingerprint, grant.expiry)
    run.save(run.entry.with_canary(canary))


def _grant(run: Acting[E], profile: str, key: SigningKey, identity: str, principal: str) -> Grant:
    now = whole_seconds(run.now)
    lifetime = min(run.pace.canary_lifetime, run.account.platform_ceiling - CLOCK_SKEW)
    return Grant(
        account=run.entry.account,
        profile=profile,
        team="",
        epoch=run.world.slots.read(run.entry.account).epoch,
        signing_key=key,
        identity=identity,
        principal_id=principal,
        regions=run.profiles[profile].regions,
        max_rate_per_second=1,
        start=now - CLOCK_SKEW,
        expiry=now + lifetime,
        policy_digest=run.world.policies.current().digest,
    )


def _signer_of_old(run: Run) -> tuple[str, str] | None:
    """Return who signs what will be cut: an identity that takes over where there is one, for that is known to work."""
    proven = sorted(run.way.standby.keys() & run.profiles.keys())
    return (proven[0], run.way.standby[proven[0]]) if proven else signer(run)


def _about(run: Acting[E], name: str) -> str:
    return f"{run.entry.id}/{name}"
