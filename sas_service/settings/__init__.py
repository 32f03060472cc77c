"""The environment (``SAS_...``) read into one frozen Settings; every wrong setting is reported at once.

``docs/configuration.md`` is generated from the fields below; a test holds it equal.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sas_service.settings.budget import BudgetSettings, budget_problems
from sas_service.settings.declaration import setting
from sas_service.settings.revocation import RevocationSettings, revocation_problems
from sas_service.settings.values import (
    Secret,
    read_addresses,
    read_azure_url,
    read_bind,
    read_choice,
    read_container_url,
    read_count,
    read_duration,
    read_flag,
    read_guid,
    read_list,
    read_positive,
    read_redis_url,
)

__all__ = ["PREFIX", "Secret", "Settings", "SettingsError"]

PREFIX = "SAS_"
CREDENTIAL_KINDS = ("managedIdentity", "workloadIdentity", "clientSecret", "clientCertificate", "developer")


class SettingsError(Exception):
    """One or more settings are missing or wrong; ``problems`` has a sentence for each, without any secret value."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings(RevocationSettings, BudgetSettings):
    """Every setting of the service; the field ``policy_file`` is the variable ``SAS_POLICY_FILE``, and so on."""

    policy_file: Path = setting(Path, "The policy document (YAML), see policy.md.")
    policy_poll: timedelta = setting(
        read_duration, "How often the policy file is looked at for changes.", default="PT2S"
    )
    redis_url: Secret = setting(
        read_redis_url,
        "Where the audit log lives: redis://, rediss:// (TLS) or unix://, with user and password if any.",
    )
    redis_cluster: bool = setting(
        read_flag,
        "Whether the URL names a node of a Redis Cluster; each account then lies on one of its masters.",
        default="false",
    )
    redis_cluster_nodes: tuple[tuple[str, int], ...] | None = setting(
        read_addresses,
        "Further nodes of the cluster, HOST:PORT, comma-separated: a process that starts asks them if the URL's is"
        " away.",
        optional=True,
    )
    redis_timeout: timedelta = setting(
        read_duration,
        "How long one Redis call may take, its durable write included; slower is answered 503.",
        default="PT2S",
    )
    redis_pool: int = setting(
        read_positive, "Connections to Redis per process; at least the number of threads.", default="32"
    )
    redis_replicas: int = setting(
        read_count, "How many replicas must have a token's record before the token leaves.", default="0"
    )
    redis_allow_volatile: bool = setting(
        read_flag,
        "Accept a Redis that evicts or does not persist. Records may then be lost: never in production.",
        default="false",
    )
    mirror_directory: Path | None = setting(
        Path,
        "Directory of the audit mirror's NDJSON segments, on another disk than Redis; this or the container.",
        optional=True,
    )
    mirror_container: str | None = setting(
        read_container_url,
        "Blob container of the audit mirror, https://ACCOUNT.blob.core.windows.net/CONTAINER, for several replicas;"
        " the issuing identity needs Storage Blob Data Contributor on it.",
        optional=True,
    )
    mirror_segment_bytes: int = setting(read_positive, "Size at which a mirror segment is closed.", default="67108864")
    migrations_directory: Path | None = setting(
        Path, "Where the migrations are; by default those that came with this release.", optional=True
    )
    tenant_id: str = setting(read_guid, "The Entra tenant whose callers are served.")
    audiences: tuple[str, ...] = setting(
        read_list,
        "Audiences of our own API, comma-separated: its client id (v2 tokens), its application id URI (v1 tokens).",
    )
    entra_authority: str = setting(read_azure_url, "Entra's origin.", default="https://login.microsoftonline.com")
    entra_v1_issuer: str | None = setting(
        str, "Issuer of v1 tokens; by default https://sts.windows.net/TENANT/.", optional=True
    )
    token_leeway: timedelta = setting(
        read_duration, "Clock difference tolerated when a caller's token is checked.", default="PT60S"
    )
    arm_endpoint: str = setting(
        read_azure_url, "Azure Resource Manager's origin.", default="https://management.azure.com"
    )
    arm_scope: str = setting(
        str, "Scope of the service's own Azure tokens.", default="https://management.azure.com/.default"
    )
    arm_deadline: timedelta = setting(
        read_duration, "How long signing one token may take, retries included.", default="PT15S"
    )
    arm_connect_timeout: timedelta = setting(read_duration, "Connecting to Azure, each time.", default="PT3S")
    arm_read_timeout: timedelta = setting(read_duration, "Waiting for Azure's answer, each time.", default="PT8S")
    arm_pool: int = setting(
        read_positive, "Connections to Azure per process; at least the number of threads.", default="32"
    )
    https_proxy: str | None = setting(read_azure_url, "Proxy for calls to Azure and Entra.", optional=True)
    ca_bundle: Path | None = setting(
        Path, "Certificates (PEM) to trust for Azure and Entra instead of the public ones.", optional=True
    )
    issuer_credential: str = setting(
        read_choice(*CREDENTIAL_KINDS),
        "How the service proves itself to Azure when it issues.",
        default="managedIdentity",
    )
    issuer_client_id: str | None = setting(
        read_guid, "Client id of the issuing identity; required but for developer.", optional=True
    )
    issuer_client_secret: Secret | None = setting(Secret, "Its secret (clientSecret).", optional=True)
    issuer_certificate_file: Path | None = setting(
        Path, "Its certificate with private key, PEM (clientCertificate).", optional=True
    )
    operator_credential: str = setting(
        read_choice(*CREDENTIAL_KINDS),
        "The same for the operating identity (doctor; revocations).",
        default="managedIdentity",
    )
    operator_client_id: str | None = setting(read_guid, "Client id of the operating identity.", optional=True)
    operator_client_secret: Secret | None = setting(Secret, "Its secret (clientSecret).", optional=True)
    operator_certificate_file: Path | None = setting(Path, "Its certificate with private key, PEM.", optional=True)
    bind: str = setting(read_bind, "Address of the API.", default="127.0.0.1:8080")
    workers: int = setting(read_positive, "Worker processes of the API.", default="2")
    threads: int = setting(
        read_positive, "Threads per worker process: how many requests may wait for Azure at once.", default="8"
    )
    request_timeout: timedelta = setting(
        read_duration,
        "When gunicorn gives a stuck worker up; longer than all deadlines of a request together.",
        default="PT60S",
    )
    graceful_timeout: timedelta = setting(
        read_duration, "How long running requests may take to finish when the service stops.", default="PT40S"
    )
    reservation_time: timedelta = setting(
        read_duration, "After this an unfinished reservation is closed as abandoned by the worker.", default="PT2M"
    )
    log_level: str = setting(
        read_choice("debug", "info", "warning", "error"), "Least severity that is logged.", default="info"
    )

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the environment; raises SettingsError with every problem at once, unknown ``SAS_`` names included."""
        problems: list[str] = []
        values: dict[str, Any] = {}
        for each in fields(cls):
            name = PREFIX + each.name.upper()
            text = environ.get(name, "")
            if text:
                try:
                    values[each.name] = each.metadata["parse"](text)
                except ValueError as error:
                    problems.append(f"{name}: {error}")
            elif each.default is MISSING and each.default_factory is MISSING:
                problems.append(f"{name}: required. {each.metadata['meaning']}")
        problems += _unknown(environ, {PREFIX + each.name.upper() for each in fields(cls)})
        # What could not be read counts as its default here, so that contradictions are told in the same breath.
        defaults = {each.name: each.default_factory() for each in fields(cls) if each.default_factory is not MISSING}
        absent = dict.fromkeys(each.name for each in fields(cls))
        problems += _contradictions(SimpleNamespace(**{**absent, **defaults, **values}))
        if problems:
            raise SettingsError(problems)
        return cls(**values)


def _unknown(environ: Mapping[str, str], known: set[str]) -> list[str]:
    return [f"{name}: no such setting" for name in sorted(environ) if name.startswith(PREFIX) and name not in known]


def _contradictions(settings: Any) -> list[str]:
    """What no single setting can tell."""
    problems = []
    longest = 2 * settings.arm_deadline + 3 * settings.redis_timeout
    if (settings.mirror_directory is None) is (settings.mirror_container is None):
        problems.append(
            f"{PREFIX}MIRROR_DIRECTORY: exactly one of it and {PREFIX}MIRROR_CONTAINER is required:"
            " no token leaves without a second record of it"
        )
    if settings.redis_cluster_nodes and not settings.redis_cluster:
        problems.append(f"{PREFIX}REDIS_CLUSTER_NODES: only with {PREFIX}REDIS_CLUSTER=true")
    if settings.redis_cluster and settings.redis_url and settings.redis_url.reveal().startswith("unix:"):
        problems.append(f"{PREFIX}REDIS_URL: a cluster is reached by redis:// or rediss://")
    if settings.graceful_timeout < longest:
        problems.append(
            f"{PREFIX}GRACEFUL_TIMEOUT: must be at least twice {PREFIX}ARM_DEADLINE plus three times"
            f" {PREFIX}REDIS_TIMEOUT, or a stop cuts off requests that Azure would still answer"
        )
    if settings.request_timeout <= longest:
        problems.append(
            f"{PREFIX}REQUEST_TIMEOUT: must exceed twice {PREFIX}ARM_DEADLINE (credential, signature) plus three times"
            f" {PREFIX}REDIS_TIMEOUT, or gunicorn kills requests that Azure would still answer"
        )
    if settings.reservation_time <= settings.request_timeout:
        problems.append(f"{PREFIX}RESERVATION_TIME: must exceed {PREFIX}REQUEST_TIMEOUT, or live requests are reaped")
    problems += [
        f"{PREFIX}{pool.upper()}: must be at least {PREFIX}THREADS ({settings.threads})"
        for pool in ("redis_pool", "arm_pool")
        if getattr(settings, pool) < settings.threads
    ]
    credentials = _credential_problems(settings, "issuer") + _credential_problems(settings, "operator")
    return problems + credentials + revocation_problems(settings) + budget_problems(settings)


def _credential_problems(settings: Any, who: str) -> list[str]:
    kind = getattr(settings, f"{who}_credential")
    needed = {"clientSecret": "client_secret", "clientCertificate": "certificate_file"}.get(kind)
    optional = who == "operator" and settings.operator_client_id is None
    names = [] if kind == "developer" or optional else ["client_id"]
    names += [needed] if needed and not optional else []
    return [
        f"{PREFIX}{who.upper()}_{name.upper()}: required by {PREFIX}{who.upper()}_CREDENTIAL={kind}"
        for name in names
        if getattr(settings, f"{who}_{name}") is None
    ]
