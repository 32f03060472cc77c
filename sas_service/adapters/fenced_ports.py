"""The ports that change Azure under a lease, each change under the permit of its account (self_fencing.py)."""

from sas_service.adapters.self_fencing import SelfFence
from sas_service.domain.slots import SigningKey
from sas_service.ports import (
    AccountIdentities,
    AccountKeys,
    EffectiveRole,
    IdentitiesReading,
    IdentityRoles,
    KeyReading,
)


class FencedKeys:
    """The port ``AccountKeys``."""

    def __init__(self, keys: AccountKeys, fence: SelfFence) -> None:
        self._keys = keys
        self._fence = fence

    def read(self, account: str) -> KeyReading:
        """Return the keys' fingerprints."""
        return self._keys.read(account)

    def regenerate(self, account: str, key: SigningKey, *, request_id: str) -> str | None:
        """Make the key anew."""
        with self._fence.writing(account):
            return self._keys.regenerate(account, key, request_id=request_id)


class FencedIdentities:
    """The port ``AccountIdentities``."""

    def __init__(self, identities: AccountIdentities, fence: SelfFence) -> None:
        self._identities = identities
        self._fence = fence

    def read(self, account: str) -> IdentitiesReading:
        """Return what is attached."""
        return self._identities.read(account)

    def attach(self, account: str, identity: str, *, request_id: str) -> str | None:
        """Attach one."""
        with self._fence.writing(account):
            return self._identities.attach(account, identity, request_id=request_id)

    def detach(self, account: str, identity: str, *, request_id: str) -> str | None:
        """Detach one."""
        with self._fence.writing(account):
            return self._identities.detach(account, identity, request_id=request_id)


class FencedRoles:
    """The port ``IdentityRoles``."""

    def __init__(self, roles: IdentityRoles, fence: SelfFence) -> None:
        self._roles = roles
        self._fence = fence

    def effective(self, account: str, principal_id: str) -> tuple[EffectiveRole, ...]:
        """Return every role that the principal has at the account."""
        return self._roles.effective(account, principal_id)

    def assign(self, account: str, principal_id: str, data_role: str, *, request_id: str) -> str | None:
        """Give the role."""
        with self._fence.writing(account):
            return self._roles.assign(account, principal_id, data_role, request_id=request_id)

    def remove(self, account: str, assignment_id: str, *, request_id: str) -> str | None:
        """Take one assignment away."""
        with self._fence.writing(account):
            return self._roles.remove(account, assignment_id, request_id=request_id)
