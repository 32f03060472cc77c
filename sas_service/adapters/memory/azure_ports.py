"""Azure's ports over one account in memory."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import count

from sas_service.adapters.memory.azure import MemoryAzure, principal_of
from sas_service.adapters.memory.failing import Failing
from sas_service.domain.errors import AzureRefused
from sas_service.domain.slots import SigningKey
from sas_service.domain.tokens import Grant, SasToken
from sas_service.ports import (
    AccountFacts,
    EffectiveRole,
    IdentitiesReading,
    KeyReading,
    LocalAuthReading,
    Probed,
    Signed,
)


class SigningTwin(Failing):
    """The port ``MapsAccount``: what it signs works as long as key generation, identity and role are there.

    ``after_signing`` is called with each grant, so that a test can move the world between signing and commit.
    """

    def __init__(self, azure: MemoryAzure) -> None:
        super().__init__()
        self._azure = azure
        self._numbers = count(1)
        self.signed: list[Grant] = []
        self.after_signing: Callable[[Grant], None] = lambda _grant: None

    def facts(self, account: str, *, max_age: timedelta) -> AccountFacts:  # noqa: ARG002  always fresh
        """Return what the account shows."""
        self._fail_if_told()
        azure = self._azure
        return AccountFacts(
            f"client-{account}", azure.location, azure.local_auth_disabled, "Succeeded", azure.principals()
        )

    def sign(self, grant: Grant, *, request_id: str) -> Signed:
        """Sign with the key as it is now; an identity that is not attached is refused."""
        self._fail_if_told()
        if grant.principal_id not in self._azure.principals().values():
            raise AzureRefused("The principal is not attached.", effect="none")
        self.signed.append(grant)
        payload = {
            "exp": int(grant.expiry.timestamp()),
            "jti": next(self._numbers),
            "principalId": grant.principal_id,
            "generation": self._azure.generation(grant.signing_key),
            "key": grant.signing_key.value,
        }
        head = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(payload)}"
        token = f"{head}.{_base64(hashlib.sha256(head.encode()).digest())}"
        self.after_signing(grant)
        return Signed(SasToken(token), azure_request_id=f"azure-{request_id}", attempts=1)


class MemoryAccountKeys(Failing):
    """The port ``AccountKeys``."""

    def __init__(self, azure: MemoryAzure) -> None:
        super().__init__()
        self._azure = azure

    def read(self, account: str) -> KeyReading:  # noqa: ARG002  there is one account
        """Return the keys' fingerprints as they are now."""
        self._fail_if_told()
        return KeyReading({key: self._azure.fingerprint(key) for key in SigningKey}, dict(self._azure.updated))

    def regenerate(self, account: str, key: SigningKey, *, request_id: str) -> str | None:  # noqa: ARG002
        """Make the key anew."""
        return self._azure.change("regenerate", key.value, request_id, lambda: self._azure.regenerate(key))


class MemoryAccountIdentities(Failing):
    """The port ``AccountIdentities``."""

    def __init__(self, azure: MemoryAzure) -> None:
        super().__init__()
        self._azure = azure

    def read(self, account: str) -> IdentitiesReading:  # noqa: ARG002  there is one account
        """Return what is attached now."""
        self._fail_if_told()
        others = {
            "foreignIdentities": " ".join(sorted(self._azure.foreign)),
            "disableLocalAuth": str(self._azure.local_auth_disabled),
        }
        return IdentitiesReading(frozenset(self._azure.principals()), others)

    def attach(self, account: str, identity: str, *, request_id: str) -> str | None:  # noqa: ARG002
        """Attach one."""
        return self._change("attach", identity, request_id, attached=True)

    def detach(self, account: str, identity: str, *, request_id: str) -> str | None:  # noqa: ARG002
        """Detach one."""
        return self._change("detach", identity, request_id, attached=False)

    def _change(self, operation: str, identity: str, request_id: str, *, attached: bool) -> str:
        def effect() -> None:
            self._azure.spread(self._azure.attached[identity], attached, operation)
            if self._azure.drops_others:
                self._azure.foreign = frozenset()

        return self._azure.change(operation, identity, request_id, effect)


class MemoryIdentityRoles(Failing):
    """The port ``IdentityRoles``."""

    def __init__(self, azure: MemoryAzure) -> None:
        super().__init__()
        self._azure = azure

    def effective(self, account: str, principal_id: str) -> tuple[EffectiveRole, ...]:
        """Return every role of the principal at the account."""
        self._fail_if_told()
        roles = self._azure.roles[identity_of(principal_id)].value
        assert isinstance(roles, frozenset)  # noqa: S101  only sets are put there
        own = tuple(own_role(account, principal_id, role) for role in sorted(roles))
        return (*own, *self._azure.inherited.get(principal_id, ()))

    def assign(self, account: str, principal_id: str, data_role: str, *, request_id: str) -> str | None:  # noqa: ARG002
        """Give the role."""
        return self._change("assign", principal_id, data_role, request_id, given=True)

    def remove(self, account: str, assignment_id: str, *, request_id: str) -> str | None:  # noqa: ARG002
        """Take one assignment away."""
        principal_id, _, data_role = assignment_id.partition("/")
        return self._change("remove", principal_id, data_role, request_id, given=False)

    def _change(self, operation: str, principal_id: str, role: str, request_id: str, *, given: bool) -> str:
        name = identity_of(principal_id)

        def effect() -> None:
            roles = self._azure.roles[name].value
            assert isinstance(roles, frozenset)  # noqa: S101  only sets are put there
            self._azure.spread(self._azure.roles[name], roles | {role} if given else roles - {role}, operation)

        return self._azure.change(operation, name, request_id, effect)


class MemoryLocalAuth(Failing):
    """The port ``LocalAuth``."""

    def __init__(self, azure: MemoryAzure) -> None:
        super().__init__()
        self._azure = azure

    def read(self, account: str) -> LocalAuthReading:  # noqa: ARG002  there is one account
        """Return what the account shows now."""
        self._fail_if_told()
        others = {"foreignIdentities": " ".join(sorted(self._azure.foreign)), "kind": "gen2"}
        return LocalAuthReading(self._azure.local_auth_disabled, others)

    def set(self, account: str, *, disabled: bool, request_id: str) -> str | None:  # noqa: ARG002
        """Switch it; None if it is so already."""
        if self._azure.local_auth_disabled == disabled:
            return None
        name = "disable" if disabled else "enable"
        return self._azure.change("localAuth", name, request_id, lambda: self._azure.set_local_auth(disabled=disabled))


class MemoryDataPlane:
    """The port ``DataPlane``; ``statuses`` answers the next probes instead, ``down`` hosts answer 503."""

    def __init__(self, azure: MemoryAzure) -> None:
        self._azure = azure
        self.statuses: list[int] = []
        self.down: set[str] = set()

    def probe(self, account: str, host: str, token: SasToken) -> Probed:  # noqa: ARG002  there is one account
        """Answer as the data plane would for this token now."""
        if self.statuses:
            return Probed(self.statuses.pop(0))
        if host in self.down:
            return Probed(503)
        return Probed(self.status(token))

    def status(self, token: SasToken) -> int:
        """Return what the token gets, without faults."""
        part = token.reveal().split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        if claims["exp"] <= self._azure.clock.now().timestamp():
            return 401
        return self._azure.lets_in(SigningKey(claims["key"]), claims["generation"], claims["principalId"])


def own_role(account: str, principal_id: str, role: str, *, inherited: bool = False) -> EffectiveRole:
    """Return an assignment as Azure would list it."""
    scope = "/subscriptions/s" if inherited else f"/accounts/{account}"
    return EffectiveRole(
        assignment_id=f"{principal_id}/{role}",
        scope=scope,
        role_id=role,
        role_name=role,
        principal_id=principal_id,
        principal_type="ServicePrincipal",
        inherited=inherited,
        through_group=False,
        conditional=False,
    )


def identity_of(principal_id: str) -> str:
    """Return whose principal it is."""
    return principal_id.removeprefix(principal_of(""))


def _part(members: Mapping[str, object]) -> str:
    return _base64(json.dumps(members, separators=(",", ":")).encode())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
