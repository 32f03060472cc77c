"""What each operation needs in Azure: one table, run against the emulator and written as docs/least-privilege.md."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from azure.core.exceptions import HttpResponseError
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.maps import AzureMapsManagementClient

from sas_service.adapters.azure.account_cors import AzureAccountCors
from sas_service.adapters.azure.credentials import CredentialChoice, CredentialKind, build_credential
from sas_service.adapters.azure.managed_identities import AzureManagedIdentities
from sas_service.adapters.azure.management_locks import AzureManagementLocks
from sas_service.adapters.azure.maps_account import AzureMapsAccount
from sas_service.adapters.azure.prefetched_credential import PrefetchedCredential
from sas_service.adapters.azure.role_assignments import AzureRoleAssignments
from sas_service.adapters.azure.transport import Outbound
from sas_service.demo import world as demo_world
from sas_service.domain.errors import SasServiceError
from sas_service.domain.policy import Policy
from tests.unit.adapters_azure.azure_world import grant

DATA_READER = "423170ca-a8f6-4b0f-8487-9e4eb8f49bfa"
IDENTITY = "storefront-web-a"
SPARE = "spare"
GROUP = demo_world.RESOURCE_GROUP
ACCOUNT = demo_world.ACCOUNT
SPARE_ID = demo_world.identity_resource_id(SPARE)
ACCOUNT_ID = (
    f"/subscriptions/{demo_world.SUBSCRIPTION_ID}/resourceGroups/{GROUP}/providers/Microsoft.Maps/accounts/{ACCOUNT}"
)
PLACES = {"account": ACCOUNT_ID, "identity": SPARE_ID}


class Hands:
    """One principal's way to Azure: our adapters for what the service does, official clients for what it will do."""

    def __init__(
        self, url: str, certificate: str, policy: Policy, client_id: str, secret: str, owned: ExitStack
    ) -> None:
        self.outbound = Outbound(connect_timeout=2, read_timeout=5, ca_bundle=certificate)
        owned.callback(self.outbound.close)
        choice = CredentialChoice(
            CredentialKind.CLIENT_SECRET,
            client_id=client_id,
            tenant_id=demo_world.TENANT_ID,
            client_secret=secret,
            authority=url,
        )
        credential = build_credential(choice, self.outbound)
        self.way: dict[str, Any] = {
            "credential": PrefetchedCredential(lambda: build_credential(choice, self.outbound)),
            "outbound": self.outbound,
            "base_url": url,
        }
        self.account: dict[str, Any] = {"accounts": policy.accounts.__getitem__, **self.way}
        official: dict[str, Any] = {"base_url": url, "transport": self.outbound.transport(), "retry_total": 0}
        self.maps: Any = AzureMapsManagementClient(credential, demo_world.SUBSCRIPTION_ID, **official)
        self.authorization: Any = AuthorizationManagementClient(credential, demo_world.SUBSCRIPTION_ID, **official)

    def change(self, body: dict[str, object]) -> None:
        """Send a raw PATCH, as everything that changes the account does."""
        self.maps.accounts.update(GROUP, ACCOUNT, body)

    def attach(self, value: dict[str, str] | None) -> None:
        """Attach the spare identity, or detach it (None)."""
        self.change({"identity": {"type": "UserAssigned", "userAssignedIdentities": {SPARE_ID: value}}})


def _sign(hands: Hands) -> object:
    wanted = grant(account=ACCOUNT, principal_id=demo_world.guid(f"principal/{IDENTITY}"))
    return AzureMapsAccount(**hands.account).sign(wanted, request_id="request-1")


def _assign(hands: Hands) -> object:
    role = f"/providers/Microsoft.Authorization/roleDefinitions/{DATA_READER}"
    wanted = {"roleDefinitionId": role, "principalId": str(uuid4()), "principalType": "ServicePrincipal"}
    return hands.authorization.role_assignments.create(ACCOUNT_ID, str(uuid4()), {"properties": wanted})


@dataclass(frozen=True)
class Need:
    """An action, and where its role has to be assigned: at the account, or at the managed identity."""

    action: str
    place: str = "account"


@dataclass(frozen=True)
class Row:
    """One operation: in whose hands it is, what for, how it is done, and what it needs."""

    operation: str
    who: str
    purpose: str
    do: Callable[[Hands], object]
    needs: tuple[Need, ...]


MAPS, AUTHORIZATION = "Microsoft.Maps/accounts", "Microsoft.Authorization"
IDENTITIES = "Microsoft.ManagedIdentity/userAssignedIdentities"
READ = Need(f"{MAPS}/read")
WRITE = Need(f"{MAPS}/write")
ISSUER, OPERATOR, BOTH = "issuer", "operator", "issuer, operator"

TODAY: tuple[Row, ...] = (
    Row(
        "Read an account",
        BOTH,
        "client id, attached identities; `doctor`",
        lambda hands: AzureAccountCors(**hands.account).read(ACCOUNT),
        (READ,),
    ),
    Row("List SAS", ISSUER, "sign a token", _sign, (Need(f"{MAPS}/listSas/action"),)),
    Row(
        "Change the CORS rule",
        OPERATOR,
        "`PUT`, `DELETE /v1/accounts/{account}/cors`",
        lambda hands: AzureAccountCors(**hands.account).write(ACCOUNT, None, request_id="request-1"),
        (WRITE,),
    ),
    Row(
        "List role assignments",
        OPERATOR,
        "`doctor`: which roles identities really have, inherited and through groups",
        lambda hands: AzureRoleAssignments(**hands.account).effective(
            ACCOUNT, demo_world.guid(f"principal/{IDENTITY}")
        ),
        (Need(f"{AUTHORIZATION}/roleAssignments/read"),),
    ),
    Row(
        "Read a role definition",
        OPERATOR,
        "`doctor`: roles' names, and whether one gives too much",
        lambda hands: hands.authorization.role_definitions.get(ACCOUNT_ID, DATA_READER),
        (Need(f"{AUTHORIZATION}/roleDefinitions/read"),),
    ),
    Row(
        "List locks",
        OPERATOR,
        "`doctor`: locks that stop signing or revoking",
        lambda hands: AzureManagementLocks(**hands.account).over(ACCOUNT),
        (Need(f"{AUTHORIZATION}/locks/read"),),
    ),
    Row(
        "Read a managed identity",
        OPERATOR,
        "`doctor`: where it lives",
        lambda hands: AzureManagedIdentities(**hands.way).location(SPARE_ID),
        (Need(f"{IDENTITIES}/read", "identity"),),
    ),
)

PLAYBOOK: tuple[Row, ...] = (
    Row(
        "Attach an identity",
        OPERATOR,
        "bring up the second identity",
        lambda hands: hands.attach({}),
        (WRITE, Need(f"{IDENTITIES}/assign/action", "identity")),
    ),
    Row("Detach an identity", OPERATOR, "after the cut", lambda hands: hands.attach(None), (WRITE,)),
    Row(
        "Create a role assignment",
        OPERATOR,
        "give the second identity its data role",
        _assign,
        (Need(f"{AUTHORIZATION}/roleAssignments/write"),),
    ),
    Row(
        "Delete a role assignment",
        OPERATOR,
        "the role lever",
        lambda hands: hands.authorization.role_assignments.delete(ACCOUNT_ID, str(uuid4())),
        (Need(f"{AUTHORIZATION}/roleAssignments/delete"),),
    ),
    Row(
        "Regenerate a key",
        OPERATOR,
        "the key lever",
        lambda hands: hands.maps.accounts.regenerate_keys(GROUP, ACCOUNT, {"keyType": "secondary"}),
        (Need(f"{MAPS}/regenerateKey/action"),),
    ),
    Row(
        "List keys",
        OPERATOR,
        "see that a key really changed",
        lambda hands: hands.maps.accounts.list_keys(GROUP, ACCOUNT),
        (Need(f"{MAPS}/listKeys/action"),),
    ),
    Row(
        "Switch local authentication",
        OPERATOR,
        "lockdown",
        lambda hands: hands.change({"properties": {"disableLocalAuth": False}}),
        (WRITE,),
    ),
)

ROWS = (*TODAY, *PLAYBOOK)


def refusal(error: Exception) -> str | None:
    """Return Azure's error code of a 403, from our adapters' errors and from the official clients'."""
    if isinstance(error, SasServiceError):
        return error.extra.get("code")
    if isinstance(error, HttpResponseError) and error.status_code == 403 and error.error is not None:
        return str(error.error.code)
    return None


def refused_with(need: Need, row: Row) -> str:
    """Return the documented code: an action on a linked resource has one of its own."""
    linked = need.place == "identity" and len(row.needs) > 1
    return "LinkedAuthorizationFailed" if linked else "AuthorizationFailed"
