"""Key Vaults in a dictionary: secrets with their versions, tokens and shared keys alike."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sas_service.adapters.memory.azure import MemoryAzure
from sas_service.adapters.memory.failing import Failing
from sas_service.domain.policy import VaultSecret
from sas_service.domain.slots import SigningKey
from sas_service.domain.tokens import SasToken
from sas_service.ports import Clock, Kept


@dataclass(frozen=True)
class Version:
    """One value of a secret; ``token`` is None for a shared key."""

    kept: Kept
    token: SasToken | None = None
    expiry: datetime | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


class MemoryTokenSecrets(Failing):
    """The port ``TokenSecrets``; ``versions`` is for tests to look at. ``fail_with`` lets the next calls raise."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self.versions: dict[VaultSecret, list[Version]] = {}

    def read(self, place: VaultSecret) -> Kept | None:
        """Return what is there."""
        self._fail_if_told()
        versions = self.versions.get(place)
        return versions[-1].kept if versions else None

    def put(self, place: VaultSecret, token: SasToken, *, expiry: datetime, tags: Mapping[str, str]) -> str:
        """Write a new version."""
        self._fail_if_told()
        versions = self.versions.setdefault(place, [])
        kept = Kept(f"v{len(versions) + 1}", token.fingerprint, self._clock.now())
        versions.append(Version(kept, token, expiry, dict(tags)))
        return kept.version


class MemorySharedKeySecrets(Failing):
    """The port ``SharedKeySecrets``; ``history`` has the fingerprint of every version written, in order."""

    def __init__(self, azure: MemoryAzure) -> None:
        super().__init__()
        self._azure = azure
        self.history: dict[VaultSecret, list[Kept]] = {}

    def read(self, place: VaultSecret) -> Kept | None:
        """Return what is there."""
        self._fail_if_told()
        versions = self.history.get(place)
        return versions[-1] if versions else None

    def copy_key(self, account: str, key: SigningKey, place: VaultSecret, *, request_id: str) -> str | None:  # noqa: ARG002
        """Write the account's key as a new version."""
        fingerprint = self._azure.fingerprint(key)

        def effect() -> None:
            versions = self.history.setdefault(place, [])
            versions.append(Kept(f"v{len(versions) + 1}", fingerprint, self._azure.clock.now()))

        return self._azure.change("copyKey", place.name, request_id, effect)
