"""Reads management locks: a ReadOnly lock stops List SAS, any lock stops the removal of role assignments."""

from collections.abc import Callable
from typing import Any

from azure.core import PipelineClient
from azure.core.rest import HttpRequest, HttpResponse

from sas_service.adapters.azure.arm_clients import PerSubscription
from sas_service.adapters.azure.arm_pipeline import arm_policies
from sas_service.adapters.azure.attempts import Attempts, Patience, Timeouts
from sas_service.adapters.azure.errors import Failure, unreadable
from sas_service.adapters.azure.maps_clients import PUBLIC_CLOUD
from sas_service.adapters.azure.origins import trusted_origin
from sas_service.adapters.azure.prefetched_credential import PrefetchedCredential
from sas_service.adapters.azure.role_assignments import account_scope
from sas_service.adapters.azure.transport import Outbound
from sas_service.domain.policy import Account
from sas_service.ports import ManagementLock

API_VERSION = "2016-09-01"
_LOCKS = "/providers/Microsoft.Authorization/locks"

Client = PipelineClient[HttpRequest, HttpResponse]


class AzureManagementLocks:
    """Locks as the management API lists them; a package of its own for this one GET would not pay."""

    def __init__(
        self,
        *,
        accounts: Callable[[str], Account],
        credential: PrefetchedCredential,
        outbound: Outbound,
        base_url: str = PUBLIC_CLOUD,
        attempts: Attempts | None = None,
    ) -> None:
        trusted_origin(base_url)
        self._accounts = accounts
        self._credential = credential
        self._outbound = outbound
        self._base_url = base_url.rstrip("/")
        self._attempts = attempts or Attempts(Patience())
        self._clients: PerSubscription[Client] = PerSubscription(self._new_client)

    def over(self, account: str) -> tuple[ManagementLock, ...]:
        """Return the locks at the account and above it."""
        definition = self._accounts(account)
        client, scope = self._clients.get(definition.subscription), account_scope(definition)
        # atScope(): at the account and above it, nothing below.
        wanted = {"api-version": API_VERSION, "$filter": "atScope()"}

        def send(timeouts: Timeouts) -> tuple[ManagementLock, ...] | Failure:
            response = client.send_request(
                HttpRequest("GET", f"{self._base_url}{scope}{_LOCKS}", params=wanted),
                connection_timeout=timeouts.connection_timeout,
                read_timeout=timeouts.read_timeout,
            )
            response.raise_for_status()
            return _locks(response.json(), scope)

        return self._attempts.run("List locks", send).answer

    def _new_client(self, _subscription: str) -> Client:
        return PipelineClient(
            self._base_url,
            transport=self._outbound.transport(),
            policies=arm_policies(self._credential, self._base_url),
        )


def _locks(document: Any, scope: str) -> tuple[ManagementLock, ...] | Failure:
    """Read the list; one that goes on elsewhere would be more locks than Azure allows."""
    try:
        if document.get("nextLink"):
            return unreadable()
        found = [_lock(each) for each in document["value"]]
    except (AttributeError, KeyError, TypeError, ValueError):
        return unreadable()
    return tuple(lock for lock in found if f"{scope}/".lower().startswith(f"{lock.scope}/".lower()))


def _lock(document: Any) -> ManagementLock:
    place = document["id"].lower().rindex(_LOCKS.lower())
    return ManagementLock(document["id"][:place], document["properties"]["level"] == "ReadOnly")
