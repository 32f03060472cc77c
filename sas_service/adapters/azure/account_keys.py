"""The port AccountKeys: an account's keys as fingerprints, and their regeneration, sent exactly once."""

import hmac
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar, cast

from sas_service.adapters.azure.arm_pipeline import request_headers
from sas_service.adapters.azure.arm_writes import ArmWrites
from sas_service.adapters.azure.attempts import Attempts, Patience, Timeouts, once
from sas_service.adapters.azure.errors import Failure, request_id_of, unreadable
from sas_service.adapters.azure.maps_clients import PUBLIC_CLOUD, maps_clients
from sas_service.adapters.azure.prefetched_credential import PrefetchedCredential
from sas_service.adapters.azure.transport import Outbound
from sas_service.domain.iso8601 import parse_instant
from sas_service.domain.policy import Account
from sas_service.domain.slots import SigningKey
from sas_service.ports import KeyReading

T = TypeVar("T")

SHORTEST_PEPPER = 16
"""Bytes: a shorter pepper could be guessed by who knows a key and its fingerprint."""

_KEY_TYPES = {SigningKey.PRIMARY: "primary", SigningKey.SECONDARY: "secondary"}


class AzureAccountKeys:
    """Reads and regenerates keys; ``credential`` is the operator's; ``reading`` is a share of its budget for ``read``.

    ``pepper`` keys the fingerprints: two readings compare only if it is the same in all processes and for ever.
    A key itself exists inside one call of ``read`` and nowhere else.
    """

    def __init__(
        self,
        *,
        accounts: Callable[[str], Account],
        credential: PrefetchedCredential,
        outbound: Outbound,
        pepper: bytes,
        base_url: str = PUBLIC_CLOUD,
        patience: Patience | None = None,
        reading: ArmWrites | None = None,
    ) -> None:
        if len(pepper) < SHORTEST_PEPPER:
            raise ValueError(f"the pepper needs {SHORTEST_PEPPER} bytes or more")
        self._accounts = accounts
        # Keyed once: what is kept is the state of the HMAC, not the pepper.
        self._keyed = hmac.new(pepper, digestmod="sha256")
        self._patience = patience or Patience()
        self._attempts = Attempts(self._patience)
        self._clients = maps_clients(credential, outbound, base_url)
        self._readers = maps_clients(credential, outbound, base_url, reading) if reading else self._clients

    def read(self, account: str) -> KeyReading:
        """Return the keys' fingerprints as they are now."""
        definition = self._accounts(account)
        client = self._readers.get(definition.subscription)

        def send(timeouts: Timeouts) -> KeyReading | Failure:
            # The SDK's model prints its keys; here the answer ends as fingerprints before anything else sees it.
            reading: Any = client.accounts.list_keys(
                definition.resource_group,
                definition.resource_name,
                cls=lambda response, _model, _headers: self._reading_of(json.loads(response.http_response.text())),
                connection_timeout=timeouts.connection_timeout,
                read_timeout=timeouts.read_timeout,
            )
            return unreadable() if reading is None else cast("KeyReading", reading)

        return self._attempts.run("List keys", send).answer

    def with_key(self, account: str, key: SigningKey, use: Callable[[str], T]) -> T:
        """Give ``use`` the key itself, for as long as it runs; for adapters that take it where it belongs."""
        definition = self._accounts(account)
        client = self._clients.get(definition.subscription)

        def send(timeouts: Timeouts) -> str | Failure:
            document: Any = client.accounts.list_keys(
                definition.resource_group,
                definition.resource_name,
                cls=lambda response, _model, _headers: json.loads(response.http_response.text()),
                connection_timeout=timeouts.connection_timeout,
                read_timeout=timeouts.read_timeout,
            )
            secret = document.get(key.value) if isinstance(document, Mapping) else None
            return secret if isinstance(secret, str) and secret else unreadable()

        return use(self._attempts.run("List keys", send).answer)

    def regenerate(self, account: str, key: SigningKey, *, request_id: str) -> str | None:
        """Make the key anew; sent once, and the answer, which has both keys in clear, is dropped unread."""
        definition = self._accounts(account)
        client = self._clients.get(definition.subscription)
        body: Any = json.dumps({"keyType": _KEY_TYPES[key]}).encode()

        def send(timeouts: Timeouts) -> str | None:
            azure_request_id: Any = client.accounts.regenerate_keys(
                definition.resource_group,
                definition.resource_name,
                body,
                headers=request_headers(request_id),
                cls=lambda response, _model, _headers: request_id_of(response.http_response.headers),
                connection_timeout=timeouts.connection_timeout,
                read_timeout=timeouts.read_timeout,
            )
            return cast("str | None", azure_request_id)

        return once("Regenerate key", self._patience, send)

    def _reading_of(self, document: Any) -> KeyReading | None:
        """Return the reading; None if a key is missing, which would look like a key that has changed."""
        if not isinstance(document, Mapping):
            return None
        secrets = {key: document.get(key.value) for key in SigningKey}
        if not all(isinstance(secret, str) and secret for secret in secrets.values()):
            return None
        return KeyReading(
            fingerprints={key: self.fingerprint(str(secret)) for key, secret in secrets.items()},
            last_updated={key: _instant(document.get(f"{key.value}LastUpdated")) for key in SigningKey},
        )

    def fingerprint(self, secret: str) -> str:
        """Return the HMAC by which a key is known."""
        keyed = self._keyed.copy()
        keyed.update(secret.encode())
        return keyed.hexdigest()


def _instant(text: object) -> datetime | None:
    try:
        return parse_instant(text) if isinstance(text, str) else None
    except ValueError:
        return None
