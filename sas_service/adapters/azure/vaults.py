"""Secrets of Azure Key Vaults, through azure-keyvault-secrets: our way out, our login, our timeouts, our retries."""

from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import HttpResponseError

from sas_service.adapters.azure.arm_clients import PerSubscription
from sas_service.adapters.azure.arm_pipeline import arm_policies, request_headers
from sas_service.adapters.azure.attempts import Attempts, Patience, Timeouts, once
from sas_service.adapters.azure.errors import Failure
from sas_service.adapters.azure.origins import trusted_origin
from sas_service.adapters.azure.prefetched_credential import PrefetchedCredential
from sas_service.adapters.azure.transport import Outbound
from sas_service.domain.policy import VaultSecret
from sas_service.ports import Kept

if TYPE_CHECKING:
    from azure.keyvault.secrets import SecretClient

VAULT_SCOPE = "https://vault.azure.net/.default"

API_VERSION = "7.6"
"""The oldest version that Microsoft's current documents describe; secrets are the same in all later ones."""


class Vaults:
    """Reads and writes secrets; ``credential`` is the operator's, for Key Vault's own scope.

    A value exists inside one call and nowhere else: what is returned is its fingerprint.
    """

    def __init__(
        self, *, credential: PrefetchedCredential, outbound: Outbound, patience: Patience | None = None
    ) -> None:
        self._patience = patience or Patience()
        self._attempts = Attempts(self._patience)

        def build(address: str) -> "SecretClient":
            from azure.keyvault.secrets import SecretClient

            trusted_origin(address)
            # The list of policies replaces the SDK's: no challenge is followed, our bearer goes to this vault alone.
            return SecretClient(
                address,
                credential,
                api_version=API_VERSION,
                transport=outbound.transport(),
                policies=arm_policies(credential, address),
            )

        self._clients = PerSubscription(build)

    def read(self, place: VaultSecret, fingerprint: Callable[[str], str]) -> Kept | None:
        """Return the newest version by its fingerprint; None if there is none, or if it is disabled."""
        client = self._clients.get(place.vault)

        def send(timeouts: Timeouts) -> Kept | Failure | None:
            try:
                found = client.get_secret(place.secret, **_timeouts(timeouts))
            except HttpResponseError as error:
                if _says_nothing_there(error):
                    return None
                raise
            since = found.properties.created_on
            if not isinstance(found.value, str) or not isinstance(since, datetime):
                return None
            return Kept(found.properties.version or "", fingerprint(found.value), since)

        return self._attempts.run("Get secret", send).answer

    def put(
        self,
        place: VaultSecret,
        value: str,
        *,
        content_type: str,
        tags: Mapping[str, str],
        expiry: datetime | None = None,
        request_id: str | None = None,
    ) -> str:
        """Write a new version, once; returns its name."""
        client = self._clients.get(place.vault)

        def send(timeouts: Timeouts) -> str:
            made = client.set_secret(
                place.secret,
                value,
                content_type=content_type,
                tags=dict(tags),
                expires_on=expiry,
                headers=request_headers(request_id) if request_id else {},
                **_timeouts(timeouts),
            )
            return made.properties.version or ""

        return once("Set secret", self._patience, send)


def _timeouts(timeouts: Timeouts) -> dict[str, Any]:
    return {"connection_timeout": timeouts.connection_timeout, "read_timeout": timeouts.read_timeout}


def _says_nothing_there(error: HttpResponseError) -> bool:
    """Tell a secret that is missing or disabled from a vault that refuses us, or that there is none of its name."""
    code = getattr(getattr(error, "error", None), "code", None)
    inner = getattr(getattr(error, "error", None), "innererror", None)
    inner_code = inner.get("code") if isinstance(inner, Mapping) else getattr(inner, "code", None)
    missing = error.status_code == HTTPStatus.NOT_FOUND and code == "SecretNotFound"
    return missing or (error.status_code == HTTPStatus.FORBIDDEN and inner_code == "SecretDisabled")
