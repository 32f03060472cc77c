"""Callers' access tokens of Entra ID, checked with the tenant's own signing keys; ``EntraCallerTokens`` is the port."""

from sas_service.adapters.entra.caller_tokens import EntraCallerTokens
from sas_service.adapters.entra.claims import TokenRules
from sas_service.adapters.entra.key_source import EntraKeySource
from sas_service.adapters.entra.refusal import Reason
from sas_service.adapters.entra.signing_keys import KeyTimings, SigningKeys

__all__ = ["EntraCallerTokens", "EntraKeySource", "KeyTimings", "Reason", "SigningKeys", "TokenRules"]
