"""What Azure says of an account, and how the policy's identity names are found in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sas_service.domain.policy import Account
from sas_service.ports import AccountFacts


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account as read; ``principals`` maps each attached identity's ARM id, in lower case, to its principalId."""

    client_id: str
    location: str
    local_auth_disabled: bool
    provisioning_state: str
    principals: Mapping[str, str]

    def facts(self, account: Account) -> AccountFacts:
        """Return the facts in the policy's words; identities that are not attached are left out."""
        found = {name: self.principals.get(_comparable(arm_id)) for name, arm_id in account.identities.items()}
        return AccountFacts(
            client_id=self.client_id,
            location=self.location,
            local_auth_disabled=self.local_auth_disabled,
            provisioning_state=self.provisioning_state,
            principals={name: principal for name, principal in found.items() if principal},
        )


def state_of(model: Any) -> AccountState | None:
    """Read the SDK's account; None if what we need is not in it."""
    properties = getattr(model, "properties", None)
    client_id = getattr(properties, "unique_id", None)
    if not isinstance(client_id, str) or not client_id:
        return None
    identity = getattr(model, "identity", None)
    attached = getattr(identity, "user_assigned_identities", None) or {}
    return AccountState(
        client_id=client_id,
        location=str(getattr(model, "location", None) or ""),
        local_auth_disabled=bool(getattr(properties, "disable_local_auth", False)),
        provisioning_state=str(getattr(properties, "provisioning_state", None) or ""),
        principals={
            _comparable(arm_id): str(user.principal_id)
            for arm_id, user in attached.items()
            if getattr(user, "principal_id", None)
        },
    )


def _comparable(arm_id: str) -> str:
    """ARM answers the same id in different cases (``resourcegroups``): compare in one."""
    return "/" + arm_id.strip("/").lower()
