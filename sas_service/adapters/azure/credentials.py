"""The service's own login, one of five kinds, always named and never guessed.

``DefaultAzureCredential`` is not among them: it tries many places, and in production takes whichever answers first.
azure-identity is imported by whoever signs in: with the certificates' library it takes a quarter of a start's time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import requests
from azure.core.credentials import TokenCredential

from sas_service.adapters.azure.loopback import PlainLoopbackAdapter
from sas_service.adapters.azure.origins import is_plain_loopback, trusted_origin
from sas_service.adapters.azure.transport import Outbound

PUBLIC_CLOUD = "https://login.microsoftonline.com"


class CredentialKind(StrEnum):
    """How the service proves who it is."""

    MANAGED_IDENTITY = "managedIdentity"
    WORKLOAD_IDENTITY = "workloadIdentity"
    CLIENT_SECRET = "clientSecret"  # noqa: S105 - the kind's name
    CLIENT_CERTIFICATE = "clientCertificate"
    DEVELOPER = "developer"


@dataclass(frozen=True, slots=True)
class CredentialChoice:
    """A kind and what it needs (``REQUIRED``); secrets and paths are kept out of ``repr``."""

    kind: CredentialKind
    client_id: str | None = None
    tenant_id: str | None = None
    client_secret: str | None = None
    certificate_path: str | None = None
    certificate_password: str | None = None
    token_file: str | None = None
    authority: str = PUBLIC_CLOUD

    def __repr__(self) -> str:
        return f"CredentialChoice(kind={self.kind.value!r}, client_id={self.client_id!r})"

    def missing(self) -> tuple[str, ...]:
        """Return the names of the arguments that this kind needs and that are not given."""
        return tuple(name for name in REQUIRED[self.kind] if not getattr(self, name))


REQUIRED: Mapping[CredentialKind, tuple[str, ...]] = {
    # Explicit, because a host with several identities fails without it and one with a wrong one succeeds.
    CredentialKind.MANAGED_IDENTITY: ("client_id",),
    CredentialKind.WORKLOAD_IDENTITY: ("client_id", "tenant_id", "token_file"),
    CredentialKind.CLIENT_SECRET: ("client_id", "tenant_id", "client_secret"),
    CredentialKind.CLIENT_CERTIFICATE: ("client_id", "tenant_id", "certificate_path"),
    CredentialKind.DEVELOPER: (),
}


def build_credential(choice: CredentialChoice, outbound: Outbound) -> TokenCredential:
    """Return the SDK's credential; raises ValueError, naming the argument, for an unusable choice.

    Call it in the process that uses the credential (``PrefetchedCredential`` does).
    """
    missing = choice.missing()
    if missing:
        raise ValueError(f"the credential {choice.kind.value} needs {', '.join(missing)}")
    return _BUILDERS[choice.kind](choice, outbound)


def _managed_identity(choice: CredentialChoice, outbound: Outbound) -> TokenCredential:
    from azure.identity import ManagedIdentityCredential

    return ManagedIdentityCredential(client_id=choice.client_id, transport=outbound.transport(), **_ONE_TRY)


def _workload_identity(choice: CredentialChoice, outbound: Outbound) -> TokenCredential:
    from azure.identity import WorkloadIdentityCredential

    return WorkloadIdentityCredential(
        tenant_id=choice.tenant_id,
        client_id=choice.client_id,
        token_file_path=choice.token_file,
        **_authority(choice, outbound),
    )


def _client_secret(choice: CredentialChoice, outbound: Outbound) -> TokenCredential:
    from azure.identity import ClientSecretCredential

    return ClientSecretCredential(
        tenant_id=choice.tenant_id or "",
        client_id=choice.client_id or "",
        client_secret=choice.client_secret or "",
        **_authority(choice, outbound),
    )


def _client_certificate(choice: CredentialChoice, outbound: Outbound) -> TokenCredential:
    from azure.identity import CertificateCredential

    return CertificateCredential(
        tenant_id=choice.tenant_id or "",
        client_id=choice.client_id or "",
        certificate_path=choice.certificate_path,
        password=choice.certificate_password,
        **_authority(choice, outbound),
    )


def _developer(choice: CredentialChoice, outbound: Outbound) -> TokenCredential:
    from azure.identity import AzureCliCredential, AzureDeveloperCliCredential, ChainedTokenCredential

    del outbound  # both ask a program on this machine
    tenant = choice.tenant_id or ""
    return ChainedTokenCredential(AzureCliCredential(tenant_id=tenant), AzureDeveloperCliCredential(tenant_id=tenant))


_BUILDERS: Mapping[CredentialKind, Callable[[CredentialChoice, Outbound], TokenCredential]] = {
    CredentialKind.MANAGED_IDENTITY: _managed_identity,
    CredentialKind.WORKLOAD_IDENTITY: _workload_identity,
    CredentialKind.CLIENT_SECRET: _client_secret,
    CredentialKind.CLIENT_CERTIFICATE: _client_certificate,
    CredentialKind.DEVELOPER: _developer,
}

_ONE_TRY: Mapping[str, Any] = {"retry_total": 0}
"""The SDK's retries sleep as long as any ``Retry-After`` says, in a request's thread; ours are bounded."""


def _authority(choice: CredentialChoice, outbound: Outbound) -> dict[str, Any]:
    """Return the arguments that lead a credential to its authority."""
    trusted_origin(choice.authority)
    if not is_plain_loopback(choice.authority):
        # Instance discovery would ask the public cloud whether a sovereign or private authority is known.
        known = choice.authority.rstrip("/") == PUBLIC_CLOUD
        return {
            "authority": choice.authority,
            "disable_instance_discovery": not known,
            "transport": outbound.transport(),
            **_ONE_TRY,
        }
    adapter, session = PlainLoopbackAdapter(choice.authority), requests.Session()
    session.trust_env = False
    session.mount(adapter.prefix, adapter)
    return {
        "authority": adapter.prefix,
        "disable_instance_discovery": True,
        "transport": outbound.transport(session),
        **_ONE_TRY,
    }
