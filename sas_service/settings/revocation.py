"""The settings of revocations: their secrets, and how long each wait is (design.md section 5)."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sas_service.settings.declaration import setting
from sas_service.settings.values import (
    Secret,
    read_bind,
    read_duration,
    read_key,
    read_named_keys,
    read_positive,
)


@dataclass(frozen=True, kw_only=True)
class RevocationSettings:
    """What a deployment with an operating identity needs; ``revocation_*`` are the fields of ``domain.pace.Pace``."""

    key_pepper: Secret | None = setting(
        read_key(16),
        "Pepper (base64, 16 bytes or more) of the account keys' fingerprints: the same everywhere and for ever.",
        optional=True,
    )
    sealing_keys: tuple[tuple[str, Secret], ...] | None = setting(
        read_named_keys(32),
        "Keys that encrypt tokens kept in Redis: ID:BASE64 of 32 bytes, comma-separated, the current one first.",
        optional=True,
    )
    signing_key: Secret | None = setting(
        read_key(32, exact=True),
        "Ed25519 seed (base64, 32 bytes) that signs checkpoints of the audit log and evidence reports.",
        optional=True,
    )
    signing_origin: str = setting(
        str, "Name of the log in its signed checkpoints, such as sas.example.com/audit.", default="sas-service"
    )
    worker_tick: timedelta = setting(
        read_duration, "How often a worker looks whether a revocation can go on.", default="PT2S"
    )
    worker_watch_every: timedelta = setting(
        read_duration,
        "How often a worker compares an account with what it should be, and looks after its standby.",
        default="PT60S",
    )
    worker_prove_every: timedelta = setting(
        read_duration, "How often a worker proves a warm standby anew with canaries.", default="PT6H"
    )
    worker_accounts: int = setting(
        read_positive, "How many accounts a worker looks at side by side; a slow one holds up itself.", default="8"
    )
    worker_metrics_bind: str | None = setting(
        read_bind, "Address at which a worker shows its metrics (Prometheus); not shown unless set.", optional=True
    )
    revocation_plan_lifetime: timedelta = setting(
        read_duration, "How long a plan may be started after it was made.", default="PT1H"
    )
    revocation_quarantine: timedelta = setting(
        read_duration,
        "How long nothing hangs on a key or identity after it was cut: a late duplicate of the cut must find nothing.",
        default="PT1H",
    )
    revocation_proof_rounds: int = setting(
        read_positive, "Equal answers in a row, of every host, that prove a slot.", default="3"
    )
    revocation_proof_span: timedelta = setting(read_duration, "Over at least how long.", default="PT1M")
    revocation_proof_limit: timedelta = setting(
        read_duration, "After this a step that is not done calls for a person.", default="PT30M"
    )
    revocation_deadline: timedelta = setting(
        read_duration, "How long consumers have in an expedited run that names no deadline.", default="PT1H"
    )
    revocation_role_propagation: timedelta = setting(
        read_duration, "How long a plan expects Azure to take to spread a role; nothing waits for it.", default="PT10M"
    )
    revocation_resend_after: timedelta = setting(
        read_duration, "When a refused write to Azure is sent again.", default="PT30S"
    )
    revocation_regenerate_again_after: timedelta = setting(
        read_duration, "When a regeneration whose outcome is unknown is sent again.", default="PT10M"
    )
    revocation_canary_lifetime: timedelta = setting(
        read_duration, "How long the tokens live that a revocation signs for itself.", default="P1D"
    )
    revocation_call_deadline: timedelta = setting(
        read_duration, "The longest that one call to Azure takes under a lease.", default="PT30S"
    )
    revocation_lease: timedelta = setting(
        read_duration, "How long a worker holds an account after its last look; longer than two calls.", default="PT90S"
    )
    revocation_soon: timedelta = setting(
        read_duration, "When all that is meant expires within this, a plan recommends to wait.", default="PT30M"
    )


def revocation_problems(settings: Any) -> list[str]:
    """Return what no single setting can tell."""
    problems = []
    if settings.operator_client_id or settings.operator_credential == "developer":
        problems += [
            f"SAS_{name.upper()}: required with an operating identity, whose work is revocations"
            for name in ("key_pepper", "sealing_keys")
            if getattr(settings, name) is None
        ]
    if settings.revocation_lease <= 2 * settings.revocation_call_deadline:
        problems.append("SAS_REVOCATION_LEASE: must exceed twice SAS_REVOCATION_CALL_DEADLINE, or nothing is ever sent")
    longest_call = settings.arm_connect_timeout + settings.arm_read_timeout
    if settings.revocation_call_deadline < longest_call:
        problems.append(
            "SAS_REVOCATION_CALL_DEADLINE: must be at least SAS_ARM_CONNECT_TIMEOUT plus SAS_ARM_READ_TIMEOUT,"
            " or a call outlasts the lease it is made under"
        )
    return problems
