"""Every unconfirmed behaviour of Azure, every delay and every limit, as a named setting with its default."""

from dataclasses import dataclass, field, fields
from typing import Any

from sas_service.emulator import shapes
from sas_service.emulator.durations import Delay, Duration

_AT_ONCE = Delay()
_NO_TIME = Duration(0)
_ONE_HOUR = Duration(3599)  # Entra says 3599 for an hour
_ONE_DAY = Duration(86400)
_NINETY_DAYS = Duration(86400 * 90)
_ONE_YEAR = Duration(86400 * 365)


@dataclass(frozen=True)
class Propagation:
    """How long each change takes until the data plane (and ARM's own authorization, for roles) follows."""

    role_add: Delay = _AT_ONCE
    role_remove: Delay = _AT_ONCE
    identity_attach: Delay = _AT_ONCE
    identity_detach: Delay = _AT_ONCE
    key_regenerate: Delay = _AT_ONCE
    disable_local_auth: Delay = _AT_ONCE


@dataclass(frozen=True)
class Bucket:
    """A token bucket: what it holds and what flows back each second."""

    size: int
    refill_per_second: float


@dataclass(frozen=True)
class Throttling:
    """The documented ARM buckets per subscription, principal and kind of operation."""

    reads: Bucket = Bucket(250, 25.0)
    writes: Bucket = Bucket(200, 10.0)
    deletes: Bucket = Bucket(200, 10.0)
    global_factor: int = 15


@dataclass(frozen=True)
class SasClaims:
    """Names of the claims of a SAS token; null leaves a claim out (only `exp` is confirmed)."""

    account: str = "accountId"
    principal: str = "principalId"
    regions: str = "regions"
    rate: str = "maxRatePerSecond"
    signing_key: str | None = None
    token_id: str | None = "jti"  # noqa: S105 - the name of a claim
    issuer: str | None = "iss"
    audience: str | None = "aud"


def _service_qps() -> dict[str, int]:
    return {
        "tile": 500,
        "imageryTile": 250,
        "weatherTile": 100,
        "trafficTile": 50,
        "staticMap": 50,
        "copyright": 10,
        "search": 500,
        "searchReverse": 250,
        "searchBatch": 10,
        "route": 50,
        "routeBatch": 10,
        "geolocation": 50,
        "timezone": 50,
    }


@dataclass(frozen=True)
class Settings:
    """The emulator's settings; docs/emulator.md lists them with what is known about the real Azure."""

    propagation: Propagation = Propagation()
    throttling: bool = False
    throttling_buckets: Throttling = Throttling()
    default_location: str = "eastus"

    # Entra ID
    issuer_base: str | None = None
    access_token_lifetime: Duration = _ONE_HOUR
    managed_identity_token_lifetime: Duration = _ONE_DAY
    refresh_token_lifetime: Duration = _NINETY_DAYS

    # ARM, Microsoft.Maps
    provisioning_delay: Duration = _NO_TIME
    identity_patch_mode: str = "merge"
    kind_downgrade: str = "accept"
    max_identities_per_account: int = 1000

    # List SAS
    sas_max_lifetime: Duration = _ONE_YEAR
    sas_max_lifetime_inclusive: bool = True
    sas_claims: SasClaims = SasClaims()
    sas_valid_regions: list[str] | None = None
    sas_expiry_in_past: str = "accept"
    sas_max_future_start: Duration | None = None
    sas_while_local_auth_disabled: str = "accept"
    sas_managed_identity_key: str = "accept"
    sas_system_assigned_principal: str = "refuse"
    sas_error_code: str = "BadRequest"

    # Data plane
    clock_skew: Duration = _NO_TIME
    sas_region_refused_status: int = 403
    role_missing_status: int = 403
    identity_detached_status: int = 401
    local_auth_disabled_status: int = 401
    sas_in_query: str = "refuse"
    retry_after_when_rate_limited: bool = True
    service_qps: dict[str, int] = field(default_factory=_service_qps)
    service_qps_per_location: bool = False
    rate_limits: bool = True


_CHOICES = {
    "identity_patch_mode": {"merge", "replace"},
    "kind_downgrade": {"accept", "refuse", "ignore"},
    "sas_expiry_in_past": {"accept", "refuse"},
    "sas_while_local_auth_disabled": {"accept", "refuse"},
    "sas_managed_identity_key": {"accept", "refuse"},
    "sas_system_assigned_principal": {"accept", "refuse"},
    "sas_in_query": {"accept", "refuse"},
}


def patched(settings: Settings, patch: object) -> Settings:
    """Return the settings with a merge patch applied; unknown names and values are refused."""
    document = _complete(settings)
    _merge(document, patch, "settings")
    result = shapes.read(Settings, document, "settings")
    for name, choices in _CHOICES.items():
        if getattr(result, name) not in choices:
            raise shapes.ShapeError(f"settings.{shapes.camel(name)}: must be one of {', '.join(sorted(choices))}")
    return result


def described(settings: Settings) -> dict[str, Any]:
    """Return every setting with its value, defaults included."""
    return _complete(settings)


def _complete(value: Any) -> dict[str, Any]:
    document = {}
    for each in fields(value):
        part = getattr(value, each.name)
        nested = hasattr(part, "__dataclass_fields__") and not hasattr(part, "to_json")
        document[shapes.camel(each.name)] = _complete(part) if nested else shapes.write(part)
    return document


def _merge(document: dict[str, Any], patch: object, path: str) -> None:
    if not isinstance(patch, dict):
        raise shapes.ShapeError(f"{path}: expected an object")
    for key, value in patch.items():
        if key not in document and path != "settings.serviceQps":
            raise shapes.ShapeError(f"{path}: unknown key {key} (known: {', '.join(sorted(document))})")
        if isinstance(document.get(key), dict) and isinstance(value, dict) and set(value) != {"min", "max"}:
            _merge(document[key], value, f"{path}.{key}")
        else:
            document[key] = value
