"""Attaching identities to an account and detaching them: null removes, unnamed ones stay."""

from dataclasses import dataclass
from typing import Any

from sas_service.emulator.arm.errors import invalid_content, refuse
from sas_service.emulator.index import Index
from sas_service.emulator.scopes import canonical
from sas_service.emulator.seeding import new_id
from sas_service.emulator.settings import Propagation, Settings
from sas_service.emulator.world import MapsAccount

_TYPES = {"None", "SystemAssigned", "UserAssigned", "SystemAssigned, UserAssigned"}


@dataclass(frozen=True)
class IdentityChange:
    """The identities that an account is to have."""

    identities: list[str]
    added: list[str]
    removed: list[str]
    system_assigned: bool

    def apply(self, account: MapsAccount, now: float, propagation: Propagation) -> None:
        """Make it so; the data plane follows after the propagation delay."""
        account.identities = list(self.identities)
        account.system_assigned = self.system_assigned
        if self.system_assigned:
            account.system_principal_id = account.system_principal_id or new_id()
        else:
            account.system_principal_id = ""
        for own_id in map(canonical, self.added):
            account.attached_at[own_id] = now + propagation.identity_attach.draw()
            account.detached_until.pop(own_id, None)
        for own_id in map(canonical, self.removed):
            account.attached_at.pop(own_id, None)
            until = now + propagation.identity_detach.draw()
            if until > now:
                account.detached_until[own_id] = until


def identity_change(
    account: MapsAccount, body: dict[str, Any], index: Index, settings: Settings, *, replacing: bool
) -> IdentityChange | None:
    """Return what a PUT or PATCH does to the identities, or None if it does not speak of them."""
    document = body.get("identity")
    if document is None:
        return None if not replacing else _change(account, [], system_assigned=False)
    kind = ", ".join(sorted(part.strip() for part in str(document.get("type", "")).split(",")))
    if kind not in _TYPES:
        raise invalid_content(f"The identity type '{document.get('type')}' is not one of {', '.join(sorted(_TYPES))}")
    named = document.get("userAssignedIdentities") or {}
    if not isinstance(named, dict):
        raise invalid_content("userAssignedIdentities must be an object")
    merging = not replacing and settings.identity_patch_mode == "merge"
    wanted = _wanted(account if merging else None, named) if "UserAssigned" in kind else []
    change = _change(account, wanted, system_assigned=kind.startswith("SystemAssigned"))
    _check(account, change, kind, index, settings)
    return change


def _wanted(account: MapsAccount | None, named: dict[str, Any]) -> list[str]:
    wanted = {canonical(own_id): own_id for own_id in (account.identities if account else [])}
    for own_id, value in named.items():
        if value is None:
            wanted.pop(canonical(own_id), None)
        else:
            wanted.setdefault(canonical(own_id), own_id)
    return list(wanted.values())


def _change(account: MapsAccount, wanted: list[str], *, system_assigned: bool) -> IdentityChange:
    before = {canonical(own_id) for own_id in account.identities}
    after = {canonical(own_id) for own_id in wanted}
    added = [own_id for own_id in wanted if canonical(own_id) not in before]
    removed = [own_id for own_id in account.identities if canonical(own_id) not in after]
    return IdentityChange(wanted, added, removed, system_assigned)


def _check(account: MapsAccount, change: IdentityChange, kind: str, index: Index, settings: Settings) -> None:
    if (change.identities or change.system_assigned) and account.location == "global":
        raise refuse(400, "BadRequest", "Cannot assign identity to a global account.")
    if "UserAssigned" in kind and not change.identities:
        message = "The identity type UserAssigned needs at least one user-assigned identity; use None to remove all."
        raise refuse(400, "InvalidIdentityValues", message)
    for own_id in change.added:
        if canonical(own_id) not in index.identities:
            message = f"The identity '{own_id}' was not found."
            raise refuse(400, "FailedIdentityOperation", message)
    if len(change.identities) > settings.max_identities_per_account:
        message = f"An account can have at most {settings.max_identities_per_account} user-assigned identities."
        raise refuse(400, "BadRequest", message)
