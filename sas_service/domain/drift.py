"""Drift: what somebody else has changed about an account, told from what was there and from what must be true."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from sas_service.domain.iso8601 import format_instant
from sas_service.domain.situations import RoleReading, Situation
from sas_service.domain.slots import SigningKey

KEY_CHANGED = "key-changed"
IDENTITY_DETACHED = "identity-detached"
ROLE_LOST = "role-lost"
REVIVED = "identity-revived"
INHERITED = "inherited-role"
LOCAL_AUTH_OFF = "local-auth-off"
LOCAL_AUTH_ON = "local-auth-on-again"
SETTING_CHANGED = "setting-changed"
SHARED_KEY_DEAD = "shared-key-dead"

CODES: Final[Mapping[str, str]] = {
    KEY_CHANGED: "A key was made anew by somebody else: what it had signed is dead, and its holders are told to renew.",
    IDENTITY_DETACHED: "An identity that signs now is not on the account: for its profiles nothing is issued, and what"
    " is out is refused. Attach it again, or move its profiles with an emergency.",
    ROLE_LOST: "An identity that signs now has no role: its tokens are refused. Assign it again.",
    REVIVED: "A cut identity has a role again and unexpired tokens: they work again. Remove the role, or lock down.",
    INHERITED: "An identity has a role from above the account or through a group: removing its own will not stop it.",
    LOCAL_AUTH_OFF: "Local authentication is off: every token is refused.",
    LOCAL_AUTH_ON: "Local authentication came back and old tokens work again, unseen ones too. Lock down.",
    SETTING_CHANGED: "The account's kind or SKU is another one.",
    SHARED_KEY_DEAD: "A secret of daemons holds none of the account's keys: they are refused. The worker writes the"
    " active key into it at each look; if this lasts, see whether the vault lets it.",
}
"""Every code, and what to make of it."""

WATCHED: Final = ("kind", "sku")
"""Members of the account beside its keys and identities that no change of ours ever touches."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One thing that is not as it should be, about a key, an identity or a member; first seen ``at``."""

    code: str
    about: str
    at: datetime
    detail: str = ""

    @property
    def name(self) -> tuple[str, str]:
        """What makes two sightings the same drift."""
        return self.code, self.about

    def document(self) -> dict[str, object]:
        """Write it as JSON."""
        said: dict[str, object] = {
            "code": self.code,
            "about": self.about,
            "since": format_instant(self.at),
            "meaning": CODES[self.code],
        }
        return {**said, "detail": self.detail} if self.detail else said


@dataclass(frozen=True, slots=True)
class Known:
    """What was last known to be right; ``keys`` are fingerprints by key, ``keys_when_off`` those at the lock."""

    account: str
    at: datetime
    keys: Mapping[str, str]
    settings: Mapping[str, str] = field(default_factory=dict)
    local_auth_disabled: bool = False
    keys_when_off: Mapping[str, str] = field(default_factory=dict)
    drifts: tuple[Drift, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """What the account shows now beside the situation: the keys' fingerprints, and all its other members.

    ``secrets`` are the fingerprints of what daemons read, by the secret's name, of those that could be read.
    """

    keys: Mapping[str, str]
    others: Mapping[str, str]
    secrets: Mapping[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, str]:
        """The members that are watched."""
        return {name: self.others[name] for name in WATCHED if name in self.others}


def first_known(shown: Shown, situation: Situation) -> Known:
    """Take what is there for right: nobody has looked before."""
    off = situation.azure.local_auth_disabled
    return Known(situation.account.name, situation.now, shown.keys, shown.settings, off, shown.keys if off else {})


def foreign_keys(known: Known, shown: Shown, situation: Situation) -> tuple[SigningKey, ...]:
    """Return the keys that somebody else has made anew.

    Ours is what a run has sent since the last look, or not longer before it than a late effect may take.
    """
    since = known.at - situation.pace.quarantine
    ours = {wound.name for wound in situation.past.wounds if wound.sent >= since}
    changed = (key for key in SigningKey if known.keys.get(key.value) != shown.keys[key.value])
    return tuple(key for key in changed if key.value not in ours)


def look(known: Known, shown: Shown, situation: Situation, changed: Iterable[SigningKey]) -> Known:
    """Return what is known from now on, with every drift there is; those of before keep their first instant."""
    off = situation.azure.local_auth_disabled
    was_off = known.local_auth_disabled and not off and _has_old_tokens(known, shown, situation)
    if off and not known.local_auth_disabled:
        known = replace(known, keys_when_off=shown.keys)
    found = (
        *_keys(known, situation, tuple(changed)),
        *_identities(situation),
        *_local_auth(situation, off=off, was_off=was_off),
        *_settings(known, shown, situation),
        *_secrets(known, shown, situation),
    )
    before = {each.name: each for each in known.drifts}
    drifts = tuple(before.get(each.name, each) for each in found)
    return replace(known, at=situation.now, keys=shown.keys, local_auth_disabled=off or was_off, drifts=drifts)


def _keys(known: Known, situation: Situation, changed: tuple[SigningKey, ...]) -> Iterator[Drift]:
    """A key stays on the list until nobody holds a token any more that died with it."""
    for key in changed:
        yield Drift(KEY_CHANGED, key.value, situation.now)
    hurt = {
        each.grant.signing_key.value
        for each in situation.records
        if not each.replaced_by and situation.past.is_gone(each) and each.caller
    }
    for drift in known.drifts:
        if drift.code == KEY_CHANGED and drift.about in hurt and SigningKey(drift.about) not in changed:
            yield drift


def _identities(situation: Situation) -> Iterator[Drift]:
    azure, now = situation.azure, situation.now
    active = {situation.slots.identities[name] for name in situation.profiles if name in situation.slots.identities}
    for identity in sorted(situation.account.identities):
        inherited = azure.roles.get(identity, RoleReading()).inherited
        if identity in active and identity not in azure.attached:
            yield Drift(IDENTITY_DETACHED, identity, now)
        elif identity in active and not azure.serves(identity):
            yield Drift(ROLE_LOST, identity, now)
        if identity not in active and azure.serves(identity) and situation.revives(identity):
            yield Drift(REVIVED, identity, now)
        if inherited:
            yield Drift(INHERITED, identity, now, ", ".join(inherited))


def _local_auth(situation: Situation, *, off: bool, was_off: bool) -> Iterator[Drift]:
    if off:
        yield Drift(LOCAL_AUTH_OFF, situation.account.name, situation.now)
    if was_off:
        yield Drift(LOCAL_AUTH_ON, situation.account.name, situation.now)


def _has_old_tokens(known: Known, shown: Shown, situation: Situation) -> bool:
    """Tell whether what was signed before the lock could work again: tokens that we never saw die with both keys."""
    same = {name for name, fingerprint in known.keys_when_off.items() if shown.keys.get(name) == fingerprint}
    return bool(same) and bool(situation.records)


def _settings(known: Known, shown: Shown, situation: Situation) -> Iterator[Drift]:
    for name in sorted({*known.settings, *shown.settings}):
        before, after = known.settings.get(name), shown.settings.get(name)
        if before != after:
            yield Drift(SETTING_CHANGED, name, situation.now, f"{before} became {after}")


def _secrets(known: Known, shown: Shown, situation: Situation) -> Iterator[Drift]:
    """A secret that cannot be read now is what it was; one that holds nothing never had any readers."""
    dead = {each.about for each in known.drifts if each.code == SHARED_KEY_DEAD}
    for name in sorted(each.place.name for each in situation.account.shared_key_secrets):
        is_dead = shown.secrets[name] not in shown.keys.values() if name in shown.secrets else name in dead
        if is_dead:
            yield Drift(SHARED_KEY_DEAD, name, situation.now)
