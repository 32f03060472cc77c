"""What the service keeps in Azure Key Vault: current tokens of profiles, and shared keys for daemons.

Every method of both ports raises AzureUnavailable, AzureThrottled, AzureRefused, IdentityUnavailable.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sas_service.domain.policy import VaultSecret
from sas_service.domain.slots import SigningKey
from sas_service.domain.tokens import SasToken


@dataclass(frozen=True, slots=True)
class Kept:
    """The newest version of a secret, known by its fingerprint; ``since`` is when the vault says it was written."""

    version: str
    fingerprint: str
    since: datetime


class TokenSecrets(Protocol):
    """Secrets that hold a current token."""

    def read(self, place: VaultSecret) -> Kept | None:
        """Return what is there, by the SHA-256 of its value; None if there is nothing that can be read."""
        ...

    def put(self, place: VaultSecret, token: SasToken, *, expiry: datetime, tags: Mapping[str, str]) -> str:
        """Write a new version; returns its name. ``extra['effect']`` of an error as elsewhere."""
        ...


class SharedKeySecrets(Protocol):
    """Secrets that hold an account's shared key; the key itself never leaves the adapter."""

    def read(self, place: VaultSecret) -> Kept | None:
        """Return what is there, fingerprinted as ``AccountKeys`` does; None if there is nothing that can be read."""
        ...

    def copy_key(self, account: str, key: SigningKey, place: VaultSecret, *, request_id: str) -> str | None:
        """Write the account's key, as it is now, as a new version; returns its name. Sent once."""
        ...
