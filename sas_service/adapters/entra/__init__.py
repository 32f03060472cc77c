"""Callers' access tokens of Entra ID, checked with the tenant's own signing keys: the port CallerTokens."""

from sas_service.adapters.entra.caller_tokens import EntraCallerTokens
from sas_service.adapters.entra.key_source import DownloadLimits
from sas_service.adapters.entra.refusal import Reason
from sas_service.adapters.entra.signing_keys import KeyTimings
from sas_service.adapters.entra.tenant import tenant_caller_tokens, tenant_issuers

__all__ = ["DownloadLimits", "EntraCallerTokens", "KeyTimings", "Reason", "tenant_caller_tokens", "tenant_issuers"]
