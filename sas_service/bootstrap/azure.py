"""What leads to Azure: one way out, two credentials, the management API."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sas_service.adapters.azure.account_cors import AzureAccountCors
from sas_service.adapters.azure.account_identities import AzureAccountIdentities
from sas_service.adapters.azure.account_keys import AzureAccountKeys
from sas_service.adapters.azure.arm_writes import ArmWrites
from sas_service.adapters.azure.attempts import Attempts, Patience
from sas_service.adapters.azure.credentials import CredentialChoice, CredentialKind, build_credential
from sas_service.adapters.azure.data_plane import AzureDataPlane
from sas_service.adapters.azure.fenced_connections import Sending
from sas_service.adapters.azure.identity_roles import AzureIdentityRoles
from sas_service.adapters.azure.local_auth import AzureLocalAuth
from sas_service.adapters.azure.managed_identities import AzureManagedIdentities
from sas_service.adapters.azure.management_locks import AzureManagementLocks
from sas_service.adapters.azure.maps_account import AzureMapsAccount
from sas_service.adapters.azure.prefetched_credential import PrefetchedCredential
from sas_service.adapters.azure.role_assignments import AzureRoleAssignments
from sas_service.adapters.azure.transport import Outbound
from sas_service.adapters.azure.vaults import VAULT_SCOPE, Vaults
from sas_service.adapters.entra.caller_tokens import EntraCallerTokens
from sas_service.adapters.entra.tenant import tenant_caller_tokens, tenant_issuers
from sas_service.adapters.redis.arm_budget import RedisArmBudget
from sas_service.adapters.redis.server import Server
from sas_service.adapters.self_fencing import SelfFence
from sas_service.bootstrap.budget import build_writes
from sas_service.domain.errors import NotFound
from sas_service.domain.policy import Account, Policy
from sas_service.services.spend import Spending
from sas_service.settings import Secret, Settings


@dataclass(frozen=True, slots=True)
class Operating:
    """What only the operating identity may do: look after accounts and identities, and change accounts.

    ``account_keys`` is made by who has the pepper of the keys' fingerprints; ``watched_keys`` are the same, read out of
    the worker's share of the budget. ``data_plane`` needs no credential.
    """

    credential: PrefetchedCredential
    role_assignments: AzureRoleAssignments
    identities: AzureManagedIdentities
    locks: AzureManagementLocks
    account_cors: AzureAccountCors
    account_keys: Callable[[bytes], AzureAccountKeys]
    watched_keys: Callable[[bytes], AzureAccountKeys]
    account_identities: AzureAccountIdentities
    identity_roles: AzureIdentityRoles
    data_plane: AzureDataPlane
    local_auth: AzureLocalAuth
    vaults: Vaults


@dataclass(frozen=True, slots=True)
class Azure:
    """What leads to Azure; ``operator`` is None where no operating identity is set.

    ``budget`` is the issuer's, and ``fence`` stands before every byte of a change that is made under a lease.
    """

    outbound: Outbound
    fence: SelfFence
    issuer: PrefetchedCredential
    budget: RedisArmBudget
    spending: Spending
    maps_account: AzureMapsAccount
    operator: Operating | None


def build_azure(settings: Settings, policy: Callable[[], Policy], environ: Mapping[str, str], server: Server) -> Azure:
    """Build the way to Azure; nothing is connected yet. ``server`` keeps the budget of writes."""

    def account(name: str) -> Account:
        try:
            return policy().accounts[name]
        except KeyError:
            raise NotFound("there is no such account") from None

    fence = SelfFence()
    outbound = build_outbound(settings, fence.sending)
    patience = Patience(
        deadline=settings.arm_deadline.total_seconds(),
        connect=settings.arm_connect_timeout.total_seconds(),
        read=settings.arm_read_timeout.total_seconds(),
    )
    issuers = build_writes(settings, server, settings.issuer_client_id)
    issuer = build_credential_of(settings, "issuer", outbound, environ, writes=issuers.issuing)
    has_operator = settings.operator_client_id or settings.operator_credential == CredentialKind.DEVELOPER
    operators = build_writes(settings, server, settings.operator_client_id)
    own = build_credential_of(settings, "operator", outbound, environ, writes=operators.operating)
    operator = own if has_operator else None
    for_vaults = build_credential_of(settings, "operator", outbound, environ, scope=VAULT_SCOPE)
    vaults = Vaults(credential=for_vaults, outbound=outbound, patience=patience)
    return Azure(
        outbound=outbound,
        fence=fence,
        issuer=issuer,
        budget=issuers.budget,
        spending=issuers.spending,
        maps_account=AzureMapsAccount(
            accounts=account,
            credential=issuer,
            outbound=outbound,
            base_url=settings.arm_endpoint,
            patience=patience,
        ),
        operator=_operating(account, operator, outbound, settings.arm_endpoint, patience, vaults, operators.watching)
        if operator
        else None,
    )


def build_outbound(settings: Settings, sending: Sending = nullcontext) -> Outbound:
    """Build the one way out, whose bytes leave within ``sending``; nothing is connected yet."""
    return Outbound(
        sending=sending,
        pool_size=settings.arm_pool,
        connect_timeout=settings.arm_connect_timeout.total_seconds(),
        read_timeout=settings.arm_read_timeout.total_seconds(),
        ca_bundle=str(settings.ca_bundle) if settings.ca_bundle else None,
        proxies={"https": settings.https_proxy} if settings.https_proxy else None,
    )


def _operating(
    account: Callable[[str], Account],
    credential: PrefetchedCredential,
    outbound: Outbound,
    base_url: str,
    patience: Patience,
    vaults: Vaults,
    watching: ArmWrites,
) -> Operating:
    way: dict[str, Any] = {"credential": credential, "outbound": outbound, "base_url": base_url}
    attempts = Attempts(patience)

    def keys(pepper: bytes, reading: ArmWrites | None = None) -> AzureAccountKeys:
        return AzureAccountKeys(accounts=account, pepper=pepper, patience=patience, reading=reading, **way)

    return Operating(
        credential=credential,
        role_assignments=AzureRoleAssignments(accounts=account, attempts=attempts, **way),
        identities=AzureManagedIdentities(attempts=attempts, **way),
        locks=AzureManagementLocks(accounts=account, attempts=attempts, **way),
        account_cors=AzureAccountCors(accounts=account, patience=patience, **way),
        account_keys=keys,
        watched_keys=lambda pepper: keys(pepper, watching),
        account_identities=AzureAccountIdentities(accounts=account, patience=patience, **way),
        identity_roles=AzureIdentityRoles(accounts=account, patience=patience, **way),
        data_plane=AzureDataPlane(accounts=account, outbound=outbound),
        local_auth=AzureLocalAuth(accounts=account, patience=patience, **way),
        vaults=vaults,
    )


def build_credential_of(
    settings: Settings,
    who: str,
    outbound: Outbound,
    environ: Mapping[str, str],
    *,
    scope: str | None = None,
    writes: ArmWrites | None = None,
) -> PrefetchedCredential:
    """Build the credential of ``issuer`` or ``operator``, for the management API unless ``scope`` says otherwise."""
    secret: Secret | None = getattr(settings, f"{who}_client_secret")
    certificate: Path | None = getattr(settings, f"{who}_certificate_file")
    choice = CredentialChoice(
        kind=CredentialKind(getattr(settings, f"{who}_credential")),
        client_id=getattr(settings, f"{who}_client_id"),
        tenant_id=settings.tenant_id,
        client_secret=secret.reveal() if secret else None,
        certificate_path=str(certificate) if certificate else None,
        token_file=environ.get("AZURE_FEDERATED_TOKEN_FILE"),
        authority=settings.entra_authority,
    )
    return PrefetchedCredential(
        lambda: build_credential(choice, outbound),
        scope=scope or settings.arm_scope,
        patience=settings.arm_deadline.total_seconds(),
        writes=writes,
    )


def build_caller_tokens(settings: Settings, outbound: Outbound) -> EntraCallerTokens:
    """Build the check of callers' tokens; signing keys are fetched by the first use."""
    issuers = dict(tenant_issuers(settings.entra_authority, settings.tenant_id))
    if settings.entra_v1_issuer:
        issuers["1.0"] = settings.entra_v1_issuer
    return tenant_caller_tokens(
        session=outbound.session,
        tenant_id=settings.tenant_id,
        audiences=settings.audiences,
        authority=settings.entra_authority,
        issuers=issuers,
        leeway=settings.token_leeway,
    )
