"""Whether a new policy may replace the one in force: nothing that live tokens hang on may vanish from it."""

from collections.abc import Callable, Iterator, Mapping

from sas_service.domain.errors import Violation
from sas_service.domain.policy import Policy
from sas_service.domain.slots import AccountSlots

InUse = Callable[[str], Mapping[str, int]]
"""Account -> identity name -> how many unexpired tokens hang on it."""

Active = Callable[[str], AccountSlots | None]
"""Account -> its slots, or None before they are initialised."""


def identities_dropped(old: Policy, new: Policy) -> Mapping[str, frozenset[str]]:
    """Return account -> names of identities that ``new`` has no more, or has under another ARM id or account."""
    dropped = {name: frozenset(_lost(old, new, name)) for name in old.accounts}
    return {name: identities for name, identities in dropped.items() if identities}


def takeover_violations(old: Policy | None, new: Policy, *, in_use: InUse, active: Active) -> tuple[Violation, ...]:
    """Return what speaks against taking over ``new``: identities with live tokens, and active ones, that it drops.

    ``old`` is None at start; then only the accounts of ``new`` can be looked at.
    """
    names = dict.fromkeys((*(old.accounts if old else ()), *new.accounts))
    return tuple(
        violation
        for name in names
        for violation in (*_still_used(old, new, name, in_use(name)), *_still_active(new, name, active(name)))
    )


def _lost(old: Policy, new: Policy, account: str) -> Iterator[str]:
    before, after = old.accounts[account], new.accounts.get(account)
    same_account = after is not None and after.resource_id == before.resource_id
    for name, arm_id in before.identities.items():
        kept = after.identities.get(name) if after is not None and same_account else None
        if kept is None or kept.lower() != arm_id.lower():
            yield name


def _still_used(old: Policy | None, new: Policy, account: str, in_use: Mapping[str, int]) -> Iterator[Violation]:
    after = new.accounts.get(account)
    known = set(after.identities) if after else set()
    lost = set(_lost(old, new, account)) if old and account in old.accounts else set()
    for identity, tokens in in_use.items():
        if tokens > 0 and (identity in lost or identity not in known):
            pointer = f"/accounts/{account}/identities/{identity}"
            reason = f"must stay as it was: {tokens} unexpired tokens hang on identity {identity!r}"
            yield Violation(pointer, None, reason, f"accounts.{account}.identities")


def _still_active(new: Policy, account: str, slots: AccountSlots | None) -> Iterator[Violation]:
    for profile, identity in (slots.identities if slots else {}).items():
        after = new.profiles.get(profile)
        if after and after.account == account and identity not in after.identities:
            reason = f"must name {identity!r}: it is the profile's active identity"
            rule = f"profiles.{profile}.identities"
            yield Violation(f"/profiles/{profile}/identities", list(after.identities), reason, rule)
