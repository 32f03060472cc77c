"""The port AccountCors: one member of an Azure Maps account, changed by a raw PATCH that names nothing else."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, cast

from azure.core.exceptions import HttpResponseError

from sas_service.adapters.azure.arm_pipeline import request_headers
from sas_service.adapters.azure.attempts import Attempts, Patience, Timeouts, once
from sas_service.adapters.azure.errors import Failure, request_id_of, unreadable
from sas_service.adapters.azure.maps_clients import PUBLIC_CLOUD, maps_clients
from sas_service.adapters.azure.prefetched_credential import PrefetchedCredential
from sas_service.adapters.azure.transport import Outbound
from sas_service.domain.policy import Account
from sas_service.ports import CorsReading

_OURS = frozenset({"properties.cors", "properties.provisioningState"})
_AZURES = frozenset({"systemData", "etag"})
"""What Azure itself writes at every change."""


class AzureAccountCors:
    """Reads and writes ``properties.cors``; ``credential`` is the operator's, since the issuer may not write accounts.

    ``confirmation`` bounds in seconds how long ``confirm`` keeps looking, ``pause`` sleeps in between.
    """

    def __init__(
        self,
        *,
        accounts: Callable[[str], Account],
        credential: PrefetchedCredential,
        outbound: Outbound,
        base_url: str = PUBLIC_CLOUD,
        patience: Patience | None = None,
        confirmation: float = 6.0,
        pause: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._accounts = accounts
        self._patience = patience or Patience()
        self._attempts = Attempts(self._patience)
        self._clients = maps_clients(credential, outbound, base_url)
        self._confirmation = confirmation
        self._pause = pause
        self._monotonic = monotonic

    def read(self, account: str) -> CorsReading:
        """Return the rule as it is now."""
        definition = self._accounts(account)
        client = self._clients.get(definition.subscription)

        def send(timeouts: Timeouts) -> CorsReading | Failure:
            document: Any = client.accounts.get(
                definition.resource_group,
                definition.resource_name,
                cls=_document,
                connection_timeout=timeouts.connection_timeout,
                read_timeout=timeouts.read_timeout,
            )
            return reading_of(document) or unreadable()

        return self._attempts.run("Get account", send).answer

    def write(self, account: str, origins: tuple[str, ...] | None, *, request_id: str) -> str | None:
        """Set the one rule, or remove it (None); sent once."""
        definition = self._accounts(account)
        client = self._clients.get(definition.subscription)
        # Bytes go out as they are; the SDK's model would add kind Gen1 and disableLocalAuth false.
        patch: Any = cors_patch(origins)

        def send(timeouts: Timeouts) -> str | None:
            try:
                azure_request_id: Any = client.accounts.update(
                    definition.resource_group,
                    definition.resource_name,
                    patch,
                    headers=request_headers(request_id),
                    cls=lambda response, _model, _headers: request_id_of(response.http_response.headers),
                    connection_timeout=timeouts.connection_timeout,
                    read_timeout=timeouts.read_timeout,
                )
            except HttpResponseError as error:
                if error.status_code != HTTPStatus.ACCEPTED:
                    raise
                # Newer api-versions answer 202, which the SDK takes for a failure; ``confirm`` waits for the end.
                return request_id_of(getattr(error.response, "headers", {}))
            return cast("str | None", azure_request_id)

        return once("Update account", self._patience, send)

    def confirm(self, account: str, origins: tuple[str, ...] | None) -> CorsReading:
        """Read until the account is settled and shows ``origins``, or patience is over; returns the last reading."""
        end = self._monotonic() + self._confirmation
        for wait in _waits():
            reading = self.read(account)
            shown = reading.settled and reading.origins == origins
            if shown or self._monotonic() + wait > end:
                break
            self._pause(wait)
        return reading


def cors_patch(origins: tuple[str, ...] | None) -> bytes:
    """Return the PATCH body; an empty list of rules removes the rule (seed 004, "Remove CORS policy")."""
    rules = [] if origins is None else [{"allowedOrigins": list(origins)}]
    return json.dumps({"properties": {"cors": {"corsRules": rules}}}).encode()


def reading_of(document: Any) -> CorsReading | None:
    """Read an account as ARM shows it; None if it has not the documented shape."""
    if not isinstance(document, Mapping) or not isinstance(document.get("properties"), Mapping):
        return None
    members = {**document, **{f"properties.{name}": value for name, value in document["properties"].items()}}
    del members["properties"]
    try:
        origins = _origins(members.get("properties.cors"))
    except (AttributeError, KeyError, TypeError):
        return None
    others = {name: _comparable(value) for name, value in members.items() if name not in _OURS | _AZURES}
    return CorsReading(
        origins=origins,
        provisioning_state=str(members.get("properties.provisioningState") or ""),
        others={name: text for name, text in others.items() if text != "null"},
    )


def _origins(cors: Any) -> tuple[str, ...] | None:
    rules = [] if cors is None else cors.get("corsRules") or []
    if not rules:
        return None
    return tuple(str(origin) for rule in rules for origin in rule["allowedOrigins"])


def _comparable(value: object) -> str:
    """ARM writes the same id in different cases, and members in any order."""
    return json.dumps(value, sort_keys=True).lower()


def _document(response: Any, _model: Any, _headers: Any) -> Any:
    """Return the answer itself: the SDK's model forgets members that it does not know."""
    return json.loads(response.http_response.text())


def _waits() -> Iterator[float]:
    wait = 0.1
    while True:
        yield wait
        wait = min(wait * 2, 1.0)
