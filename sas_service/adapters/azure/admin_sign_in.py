"""An access token for our own API, for whoever sits at a terminal: the command line's way to Entra."""

from collections.abc import Mapping

from azure.core.exceptions import AzureError

from sas_service.adapters.azure.credentials import PUBLIC_CLOUD, CredentialChoice, CredentialKind, build_credential
from sas_service.adapters.azure.transport import Outbound

NAMES = {
    "client_id": "AZURE_CLIENT_ID",
    "tenant_id": "AZURE_TENANT_ID",
    "client_secret": "AZURE_CLIENT_SECRET",
    "certificate_path": "AZURE_CLIENT_CERTIFICATE_PATH",
    "certificate_password": "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    "token_file": "AZURE_FEDERATED_TOKEN_FILE",
    "authority": "AZURE_AUTHORITY_HOST",
}
"""Argument -> the variable in which Microsoft's own tools look for it; a secret is never an argument of a command."""


class AdminSignIn:
    """Signs in as ``kind`` says, with what ``environ`` names; raises ValueError for what is missing there."""

    def __init__(self, kind: str, scope: str, environ: Mapping[str, str]) -> None:
        given = {argument: environ[name] for argument, name in NAMES.items() if environ.get(name)}
        choice = CredentialChoice(CredentialKind(kind), **{"authority": PUBLIC_CLOUD, **given})
        missing = choice.missing()
        if missing:
            raise ValueError(f"needs {', '.join(NAMES[argument] for argument in missing)}")
        proxy = environ.get("HTTPS_PROXY") or environ.get("https_proxy")
        outbound = Outbound(ca_bundle=environ.get("REQUESTS_CA_BUNDLE"), proxies={"https": proxy} if proxy else None)
        self._credential = build_credential(choice, outbound)
        self._scope = scope
        self.failure = ""

    def token(self) -> str | None:
        """Return a token, or None; ``failure`` then names the kind of error, since the SDK's texts quote answers."""
        try:
            return self._credential.get_token(self._scope).token
        except AzureError as error:
            self.failure = type(error).__name__
            return None
