"""Puts the parts together for one tenant: the only constructor that the wiring needs."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

import requests

from sas_service.adapters.entra.caller_tokens import EntraCallerTokens
from sas_service.adapters.entra.claims import TokenRules
from sas_service.adapters.entra.key_source import DownloadLimits, EntraKeySource
from sas_service.adapters.entra.signing_keys import KeyTimings, SigningKeys

PUBLIC_CLOUD = "https://login.microsoftonline.com"


def tenant_issuers(authority: str, tenant_id: str) -> Mapping[str, str]:
    """Return the two issuers of a tenant's access tokens by their ``ver``; China's cloud has another one for v1."""
    return {
        "1.0": f"https://sts.windows.net/{tenant_id}/",
        "2.0": f"{authority.rstrip('/')}/{tenant_id}/v2.0",
    }


def tenant_caller_tokens(
    *,
    session: Callable[[], requests.Session],
    tenant_id: str,
    audiences: Iterable[str],
    authority: str = PUBLIC_CLOUD,
    issuers: Mapping[str, str] | None = None,
    leeway: timedelta = timedelta(seconds=60),
    timings: KeyTimings | None = None,
    limits: DownloadLimits | None = None,
) -> EntraCallerTokens:
    """Return the port CallerTokens for a tenant; nothing is fetched before the first use or ``prefetch``."""
    known = tenant_issuers(authority, tenant_id)
    accepted = issuers or known
    rules = TokenRules(tenant_id=tenant_id, audiences=frozenset(audiences), issuers=accepted, leeway=leeway)
    source = EntraKeySource(
        session=session,
        authority=authority,
        tenant_id=tenant_id,
        issuer=accepted.get("2.0", known["2.0"]),
        limits=limits,
    )
    return EntraCallerTokens(keys=SigningKeys(source.download, timings or KeyTimings()), rules=rules)
