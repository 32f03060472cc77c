"""The port LocalAuth: ``disableLocalAuth`` of an account, and proof that nothing else was touched."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sas_service.adapters.azure.account_resource import (
    PROVISIONING_STATE,
    SETTLED,
    AccountResource,
    busy,
    members_of,
    others_of,
)
from sas_service.adapters.azure.attempts import Patience
from sas_service.adapters.azure.errors import Effect
from sas_service.adapters.azure.maps_clients import PUBLIC_CLOUD
from sas_service.adapters.azure.prefetched_credential import PrefetchedCredential
from sas_service.adapters.azure.transport import Outbound
from sas_service.domain.errors import AzureRefused, SasServiceError, WriteUnconfirmed
from sas_service.domain.policy import Account
from sas_service.ports import LocalAuthReading

_LOG = logging.getLogger(__name__)
_MEMBER = "properties.disableLocalAuth"


@dataclass(frozen=True, slots=True)
class LocalAuthState:
    """What an account shows, and whether it can be changed now."""

    reading: LocalAuthReading
    provisioning_state: str


class AzureLocalAuth:
    """Reads and switches local authentication; ``credential`` is the operator's.

    The PATCH names this one member: the SDK's model would also ask for kind Gen1 (azure-facts.md, section 6).
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

    def read(self, account: str) -> LocalAuthReading:
        """Return what the account shows now."""
        return self._resource.read(self._accounts(account), state_of).reading

    def set(self, account: str, *, disabled: bool, request_id: str) -> str | None:
        """Switch it; None if it is so already, and then nothing is sent."""
        definition = self._accounts(account)
        before = self._look(definition)
        if before.reading.disabled == disabled:
            return None
        if before.provisioning_state not in SETTLED:
            raise busy()
        try:
            sent = self._resource.patch(definition, local_auth_patch(disabled=disabled), request_id=request_id)
        except AzureRefused as refused:
            began_meanwhile = refused.extra.get("code") == "Conflict"
            error: SasServiceError = busy() if began_meanwhile else refused
        else:
            self._compare(definition, before, disabled=disabled)
            return sent
        raise error

    def _look(self, definition: Account) -> LocalAuthState:
        """Read before anything is sent: whatever fails here has changed nothing."""
        try:
            return self._resource.read(definition, state_of)
        except SasServiceError as error:
            error.extra["effect"] = Effect.NONE.value
            raise

    def _compare(self, definition: Account, before: LocalAuthState, *, disabled: bool) -> None:
        """Raise WriteUnconfirmed if the account shows more than our change, or not our change."""
        try:
            after = self._resource.read(definition, state_of)
        except SasServiceError:
            # The change was accepted; whether it is there, the next reading of the caller tells as well.
            _LOG.warning("Update account: accepted, but the account could not be read afterwards")
            return
        old, new = before.reading.others, after.reading.others
        changed = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
        if changed:
            text = f"More has changed on the account than local authentication: {', '.join(changed)}."
            raise WriteUnconfirmed(text, effect=Effect.UNKNOWN.value)
        if after.provisioning_state in SETTLED and after.reading.disabled != disabled:
            raise WriteUnconfirmed("The account does not show the change.", effect=Effect.UNKNOWN.value)


def local_auth_patch(*, disabled: bool) -> object:
    """Return the PATCH body."""
    return {"properties": {"disableLocalAuth": disabled}}


def state_of(document: Any) -> LocalAuthState | None:
    """Read an account as ARM shows it; None if it has not the documented shape."""
    members = members_of(document)
    disabled = members.get(_MEMBER, False) if members is not None else None
    if members is None or not isinstance(disabled, bool):
        return None
    reading = LocalAuthReading(disabled, others_of(members, _MEMBER))
    return LocalAuthState(reading, str(members.get(PROVISIONING_STATE) or ""))
