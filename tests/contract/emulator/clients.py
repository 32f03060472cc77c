"""Makes the official Azure clients for an emulator, and closes them."""

import base64
import json
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

import pytest
import requests
from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from azure.keyvault.secrets import SecretClient
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.maps import AzureMapsManagementClient
from azure.mgmt.msi import ManagedServiceIdentityClient

from tests.contract.emulator import worlds
from tests.emulator_process import RunningEmulator

SECRETS = {worlds.OWNER: "owner-secret", worlds.BACKEND: "backend-secret", worlds.NOBODY: "nobody-secret"}


class Clients:
    """Official clients; each method takes the credential to use, by default the owner's."""

    def __init__(self, emulator: RunningEmulator) -> None:
        self.emulator = emulator
        self.url = emulator.url
        self.trust: dict[str, Any] = {"connection_verify": str(emulator.certificate)}
        self._open = ExitStack()
        self._made: dict[Any, Any] = {}
        self._owner: Any = None
        self._session = self._open.enter_context(requests.Session())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def keep(self, client: Any) -> Any:
        return self._open.enter_context(client)

    def credential(self, client_id: str = worlds.OWNER, secret: str | None = None) -> Any:
        """Return a credential that nobody else uses: it remembers no token."""
        return self.keep(
            ClientSecretCredential(
                worlds.TENANT,
                client_id,
                secret or SECRETS[client_id],
                authority=self.url,
                disable_instance_discovery=True,
                **self.trust,
            )
        )

    def _client(self, kind: Any, credential: Any, **options: Any) -> Any:
        """Return a client; those of the owner are made once, because each costs a sign-in and TLS handshakes."""
        if credential is not None or options:
            credential = credential or self.credential()
            return self.keep(kind(credential, worlds.SUBSCRIPTION, base_url=self.url, **self.trust, **options))
        if kind not in self._made:
            self._owner = self._owner or self.credential()
            self._made[kind] = self.keep(kind(self._owner, worlds.SUBSCRIPTION, base_url=self.url, **self.trust))
        return self._made[kind]

    def maps(self, credential: Any = None, **options: Any) -> Any:
        return self._client(AzureMapsManagementClient, credential, **options)

    def authorization(self, credential: Any = None) -> Any:
        return self._client(AuthorizationManagementClient, credential)

    def identities(self, credential: Any = None) -> Any:
        return self._client(ManagedServiceIdentityClient, credential)

    def vault(self, name: str, credential: Any = None) -> Any:
        return self.keep(
            SecretClient(
                f"{self.url}/{name}.vault",
                credential or self.credential(),
                verify_challenge_resource=False,
                **self.trust,
            )
        )

    def sas(self, **wanted: Any) -> str:
        """Return a SAS token signed by List SAS."""
        now = datetime.fromtimestamp(self.now(), UTC)
        body = {
            "signingKey": "primaryKey",
            "principalId": worlds.WEB_A_PRINCIPAL,
            "maxRatePerSecond": 500,
            "start": f"{now:%Y-%m-%dT%H:%M:%SZ}",
            "expiry": f"{now + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
        } | wanted
        client = self.maps()
        # As bytes: the model would repair or drop what a test wants to get wrong.
        raw = json.dumps(body).encode()
        return str(client.accounts.list_sas(worlds.GROUP, worlds.ACCOUNT, raw).account_sas_token)

    def now(self) -> float:
        return float(self.emulator.control("GET", "clock")["epoch"])

    def get(self, path: str, token: str | None = None, **options: Any) -> requests.Response:
        """Call the data plane, with a SAS token if one is given."""
        headers = options.pop("headers", {}) | ({"Authorization": f"jwt-sas {token}"} if token else {})
        return self._session.request(
            options.pop("method", "GET"),
            self.url + path,
            headers=headers,
            timeout=10,
            verify=str(self.emulator.certificate),
            **options,
        )

    def locate(self, token: str, **options: Any) -> int:
        """Return the status of a cheap request."""
        return self.get("/geolocation/ip/json?api-version=1.0&ip=8.8.8.8", token, **options).status_code


def code_of(caught: pytest.ExceptionInfo[HttpResponseError]) -> str:
    """Return the code in an error body, as the official client shows it."""
    error = caught.value.error
    assert error is not None
    return str(error.code)


def claims(token: str) -> dict[str, Any]:
    """Return the claims of a JWT, unverified."""
    payload = token.split(".")[1]
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return decoded
