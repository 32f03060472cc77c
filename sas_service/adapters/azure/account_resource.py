"""An Azure Maps account as ARM's own JSON: read whole, changed by a raw PATCH that names nothing else."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any, TypeVar, cast

from azure.core.exceptions import HttpResponseError

from sas_service.adapters.azure.arm_pipeline import request_headers
from sas_service.adapters.azure.attempts import Attempts, Patience, Timeouts, once
from sas_service.adapters.azure.errors import Effect, Failure, request_id_of, unreadable
from sas_service.adapters.azure.maps_clients import maps_clients
from sas_service.adapters.azure.prefetched_credential import PrefetchedCredential
from sas_service.adapters.azure.transport import Outbound
from sas_service.domain.errors import AzureRefused
from sas_service.domain.policy import Account

T = TypeVar("T")

PROVISIONING_STATE = "properties.provisioningState"

SETTLED = frozenset({"Succeeded", "Failed"})
"""Azure refuses updates in any other provisioning state."""

BUSY_FOR = timedelta(seconds=5)
"""When to ask again of an account that somebody is changing."""

_AZURES = frozenset({"systemData", "etag", PROVISIONING_STATE})
"""What Azure itself writes at every change."""


class AccountResource:
    """Reads and patches accounts with one credential; the SDK's models are kept out, because they forget and add."""

    def __init__(
        self, *, credential: PrefetchedCredential, outbound: Outbound, base_url: str, patience: Patience
    ) -> None:
        self._patience = patience
        self._attempts = Attempts(patience)
        self._clients = maps_clients(credential, outbound, base_url)

    def read(self, account: Account, parse: Callable[[Any], T | None]) -> T:
        """Return what ``parse`` makes of the account; None from it is an answer that cannot be read."""
        client = self._clients.get(account.subscription)

        def send(timeouts: Timeouts) -> T | Failure:
            document: Any = client.accounts.get(
                account.resource_group,
                account.resource_name,
                cls=_document,
                connection_timeout=timeouts.connection_timeout,
                read_timeout=timeouts.read_timeout,
            )
            read = parse(document)
            return unreadable() if read is None else read

        return self._attempts.run("Get account", send).answer

    def patch(self, account: Account, change: object, *, request_id: str) -> str | None:
        """Send ``change`` once; returns Azure's request id."""
        client = self._clients.get(account.subscription)
        # Bytes go out as they are; the SDK's model would add kind Gen1 and disableLocalAuth false.
        body: Any = json.dumps(change).encode()

        def send(timeouts: Timeouts) -> str | None:
            try:
                azure_request_id: Any = client.accounts.update(
                    account.resource_group,
                    account.resource_name,
                    body,
                    headers=request_headers(request_id),
                    cls=lambda response, _model, _headers: request_id_of(response.http_response.headers),
                    connection_timeout=timeouts.connection_timeout,
                    read_timeout=timeouts.read_timeout,
                )
            except HttpResponseError as error:
                if error.status_code != HTTPStatus.ACCEPTED:
                    raise
                # Newer api-versions answer 202, which the SDK takes for a failure; reading tells when it is done.
                return request_id_of(getattr(error.response, "headers", {}))
            return cast("str | None", azure_request_id)

        return once("Update account", self._patience, send)


def members_of(document: Any) -> dict[str, Any] | None:
    """Return an account's members, those of ``properties`` beside the others; None if it has another shape."""
    if not isinstance(document, Mapping) or not isinstance(document.get("properties"), Mapping):
        return None
    members = {**document, **{f"properties.{name}": value for name, value in document["properties"].items()}}
    del members["properties"]
    return members


def others_of(members: Mapping[str, Any], *ours: str) -> dict[str, str]:
    """Return every member but ``ours``, and but what Azure itself writes, in a comparable form."""
    texts = {name: comparable(value) for name, value in members.items() if name not in _AZURES.union(ours)}
    return {name: text for name, text in texts.items() if text != "null"}


def busy() -> AzureRefused:
    """Return the error for an account that somebody is changing: nothing was sent, or nothing was done."""
    return AzureRefused(
        "The account is being changed; Azure takes the next change when that is done.",
        retry_after=BUSY_FOR,
        effect=Effect.NONE.value,
        code="Conflict",
    )


def comparable(value: object) -> str:
    """Write a member so that case of ids and order of members do not matter: ARM answers with any."""
    return json.dumps(value, sort_keys=True).lower()


def comparable_id(arm_id: str) -> str:
    """Write an ARM id so that two spellings of it are equal."""
    return "/" + arm_id.strip("/").lower()


def _document(response: Any, _model: Any, _headers: Any) -> Any:
    """Return the answer itself: the SDK's model forgets members that it does not know."""
    return json.loads(response.http_response.text())
