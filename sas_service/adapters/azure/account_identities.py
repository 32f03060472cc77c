"""The port AccountIdentities: one managed identity attached or detached, and proof that nothing else was touched."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sas_service.adapters.azure.account_resource import (
    PROVISIONING_STATE,
    SETTLED,
    AccountResource,
    busy,
    comparable,
    comparable_id,
    members_of,
    others_of,
)
from sas_service.adapters.azure.attempts import Patience
from sas_service.adapters.azure.errors import Effect
from sas_service.adapters.azure.maps_clients import PUBLIC_CLOUD
from sas_service.adapters.azure.prefetched_credential import PrefetchedCredential
from sas_service.adapters.azure.transport import Outbound
from sas_service.domain.errors import AzureRefused, NotFound, SasServiceError, WriteUnconfirmed
from sas_service.domain.policy import Account
from sas_service.ports import IdentitiesReading

_LOG = logging.getLogger(__name__)
_SYSTEM, _USER = "SystemAssigned", "UserAssigned"


@dataclass(frozen=True, slots=True)
class IdentityState:
    """What an account shows: ``named`` maps comparable ARM ids to their spelling there and their principals."""

    kinds: frozenset[str]
    named: Mapping[str, tuple[str, str]]
    system: str
    provisioning_state: str
    others: Mapping[str, str]

    def reading(self, account: Account) -> IdentitiesReading:
        """Return it in the policy's words; identities that the policy does not name are among the others."""
        ours = {comparable_id(arm_id) for arm_id in account.identities.values()}
        foreign = {arm_id: principal for arm_id, (_, principal) in self.named.items() if arm_id not in ours}
        more = {"foreignIdentities": comparable(foreign), "systemIdentity": self.system}
        attached = {name for name, arm_id in account.identities.items() if comparable_id(arm_id) in self.named}
        return IdentitiesReading(frozenset(attached), {**self.others, **more})


class AzureAccountIdentities:
    """Reads and changes an account's identities; ``credential`` is the operator's.

    Azure has no condition for a PATCH: what others change at the same moment is not prevented, but noticed.
    """

    def __init__(
        self,
        *,
        accounts: Callable[[str], Account],
        credential: PrefetchedCredential,
        outbound: Outbound,
        base_url: str = PUBLIC_CLOUD,
        patience: Patience | None = None,
    ) -> None:
        self._accounts = accounts
        self._resource = AccountResource(
            credential=credential, outbound=outbound, base_url=base_url, patience=patience or Patience()
        )

    def read(self, account: str) -> IdentitiesReading:
        """Return what is attached now."""
        definition = self._accounts(account)
        return self._resource.read(definition, state_of).reading(definition)

    def attach(self, account: str, identity: str, *, request_id: str) -> str | None:
        """Attach one; None if it is attached already, and then nothing is sent."""
        return self._change(account, identity, request_id, attached=True)

    def detach(self, account: str, identity: str, *, request_id: str) -> str | None:
        """Detach one; None if it is not attached, and then nothing is sent."""
        return self._change(account, identity, request_id, attached=False)

    def _change(self, account: str, identity: str, request_id: str, *, attached: bool) -> str | None:
        definition = self._accounts(account)
        if identity not in definition.identities:
            raise NotFound("there is no such identity", effect=Effect.NONE.value)
        before = self._look(definition)
        if (comparable_id(definition.identities[identity]) in before.named) == attached:
            return None
        if before.provisioning_state not in SETTLED:
            raise busy()
        change = identity_patch(before, definition.identities[identity], attached=attached)
        try:
            sent = self._resource.patch(definition, change, request_id=request_id)
        except AzureRefused as refused:
            began_meanwhile = refused.extra.get("code") == "Conflict"
            error: SasServiceError = busy() if began_meanwhile else refused
        else:
            self._compare(definition, identity, before, attached=attached)
            return sent
        raise error

    def _look(self, definition: Account) -> IdentityState:
        """Read before anything is sent: whatever fails here has changed nothing."""
        try:
            return self._resource.read(definition, state_of)
        except SasServiceError as error:
            error.extra["effect"] = Effect.NONE.value
            raise

    def _compare(self, definition: Account, identity: str, before: IdentityState, *, attached: bool) -> None:
        """Raise WriteUnconfirmed if the account shows more than our change, or not our change."""
        try:
            shown = self._resource.read(definition, state_of)
        except SasServiceError:
            # The change was accepted; whether it is there, the next reading of the caller tells as well.
            _LOG.warning("Update account: accepted, but the account could not be read afterwards")
            return
        old, new = before.reading(definition), shown.reading(definition)
        changed = {
            name for name in old.others.keys() | new.others.keys() if old.others.get(name) != new.others.get(name)
        }
        changed |= (old.attached ^ new.attached) - _namesakes(definition, identity)
        if changed:
            text = f"More has changed on the account than {identity}: {', '.join(sorted(changed))}."
            raise WriteUnconfirmed(text, effect=Effect.UNKNOWN.value)
        if shown.provisioning_state in SETTLED and (identity in new.attached) != attached:
            raise WriteUnconfirmed("The account does not show the change.", effect=Effect.UNKNOWN.value)


def identity_patch(before: IdentityState, arm_id: str, *, attached: bool) -> object:
    """Return the PATCH body: the one identity, and the type that is right afterwards, because Azure takes it literally.

    Where no user-assigned identity stays, the type alone removes the last one; ``UserAssigned`` would be refused.
    """
    own = comparable_id(arm_id)
    stays = attached or bool(before.named.keys() - {own})
    kinds = [_SYSTEM] * (_SYSTEM in before.kinds) + [_USER] * stays
    kind = ", ".join(kinds) or "None"
    if not stays:
        return {"identity": {"type": kind}}
    spelling, _ = before.named.get(own, (arm_id, ""))
    return {"identity": {"type": kind, "userAssignedIdentities": {spelling: {} if attached else None}}}


def state_of(document: Any) -> IdentityState | None:
    """Read an account as ARM shows it; None if it has not the documented shape."""
    members = members_of(document)
    identity = members.get("identity") if members else None
    if members is None or not isinstance(identity, Mapping | None):
        return None
    identity = identity or {}
    named = identity.get("userAssignedIdentities") or {}
    if not isinstance(named, Mapping):
        return None
    return IdentityState(
        kinds=frozenset(part.strip() for part in str(identity.get("type") or "").split(",")),
        named={comparable_id(arm_id): (arm_id, _principal(value)) for arm_id, value in named.items()},
        system=str(identity.get("principalId") or ""),
        provisioning_state=str(members.get(PROVISIONING_STATE) or ""),
        others=others_of(members, "identity"),
    )


def _principal(value: object) -> str:
    return str(value.get("principalId") or "") if isinstance(value, Mapping) else ""


def _namesakes(definition: Account, identity: str) -> frozenset[str]:
    """Return every name that the policy has for the same identity."""
    own = comparable_id(definition.identities[identity])
    return frozenset(name for name, arm_id in definition.identities.items() if comparable_id(arm_id) == own)
