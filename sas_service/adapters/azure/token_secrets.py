"""The port TokenSecrets: a profile's current token in a Key Vault."""

from collections.abc import Mapping
from datetime import datetime

from sas_service.adapters.azure.vaults import Vaults
from sas_service.domain.policy import VaultSecret
from sas_service.domain.tokens import SasToken, fingerprint
from sas_service.ports import Kept

CONTENT_TYPE = "application/vnd.azure-maps.sas-token"


class AzureTokenSecrets:
    """Writes tokens, and knows them again by their SHA-256."""

    def __init__(self, vaults: Vaults) -> None:
        self._vaults = vaults

    def read(self, place: VaultSecret) -> Kept | None:
        """Return what is there; None if there is nothing that can be read."""
        return self._vaults.read(place, fingerprint)

    def put(self, place: VaultSecret, token: SasToken, *, expiry: datetime, tags: Mapping[str, str]) -> str:
        """Write a new version with its expiry and tags."""
        return self._vaults.put(place, token.reveal(), content_type=CONTENT_TYPE, tags=tags, expiry=expiry)
