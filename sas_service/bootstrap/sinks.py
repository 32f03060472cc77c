"""The wiring of the worker's own consumer: what keeps Key Vault secrets filled with current tokens."""

from sas_service.adapters.azure.token_secrets import AzureTokenSecrets
from sas_service.adapters.policy_file import PolicyFile
from sas_service.adapters.system_clock import SystemClock
from sas_service.bootstrap.azure import Azure
from sas_service.bootstrap.issuing import build_histories, build_issuing, build_replacing
from sas_service.bootstrap.stores import Stores
from sas_service.domain.callers import Caller, Role
from sas_service.services.deny import Deciding
from sas_service.services.sink import Sinking
from sas_service.settings import Settings


def build_sinking(settings: Settings, stores: Stores, policies: PolicyFile, azure: Azure) -> Sinking | None:
    """Build it; None without an operating identity, whose login the vaults know, or without a client id of our own."""
    if azure.operator is None or settings.issuer_client_id is None:
        return None
    deciding = Deciding(policies=policies, audit_log=stores.audit_log, mirror=stores.mirror)
    issuing = build_issuing(settings, stores, azure, deciding)
    return Sinking(
        policies=policies,
        secrets=AzureTokenSecrets(azure.operator.vaults),
        issuing=issuing,
        replacing=build_replacing(stores, policies, issuing, build_histories(stores)),
        audit_log=stores.audit_log,
        slots=stores.slots,
        clock=SystemClock(),
        caller=_own_caller(settings.tenant_id, settings.issuer_client_id),
    )


def _own_caller(tenant_id: str, client_id: str) -> Caller:
    """Return the service as a caller: known by its client id, to the policy as to the audit log."""
    return Caller(tenant_id, client_id, client_id, "application", frozenset({Role.TOKENS_ISSUE}))
