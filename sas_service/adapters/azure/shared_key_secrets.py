"""The port SharedKeySecrets: an account's key goes from List keys into a Key Vault, and nowhere else."""

from sas_service.adapters.azure.account_keys import AzureAccountKeys
from sas_service.adapters.azure.vaults import Vaults
from sas_service.domain.policy import VaultSecret
from sas_service.domain.slots import SigningKey
from sas_service.ports import Kept

CONTENT_TYPE = "application/vnd.azure-maps.shared-key"


class AzureSharedKeySecrets:
    """Copies keys, and knows them again by the HMAC that ``keys`` makes."""

    def __init__(self, vaults: Vaults, keys: AzureAccountKeys) -> None:
        self._vaults = vaults
        self._keys = keys

    def read(self, place: VaultSecret) -> Kept | None:
        """Return what is there; None if there is nothing that can be read."""
        return self._vaults.read(place, self._keys.fingerprint)

    def copy_key(self, account: str, key: SigningKey, place: VaultSecret, *, request_id: str) -> str | None:
        """Write the account's key as a new version; sent once."""
        tags = {"account": account, "key": key.value}
        return self._keys.with_key(
            account,
            key,
            lambda secret: self._vaults.put(place, secret, content_type=CONTENT_TYPE, tags=tags, request_id=request_id),
        )
