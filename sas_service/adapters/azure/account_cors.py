"""The port AccountCors: one member of an Azure Maps account, changed by a raw PATCH that names nothing else."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from sas_service.adapters.azure.account_resource import PROVISIONING_STATE, AccountResource, members_of, others_of
from sas_service.adapters.azure.attempts import Patience
from sas_service.adapters.azure.maps_clients import PUBLIC_CLOUD
from sas_service.adapters.azure.prefetched_credential import PrefetchedCredential
from sas_service.adapters.azure.transport import Outbound
from sas_service.domain.policy import Account
from sas_service.ports import CorsReading


class AzureAccountCors:
    """Reads and writes ``properties.cors``; ``credential`` is the operator's, since the issuer may not write accounts.

    ``confirmation`` bounds in seconds how long ``confirm`` keeps looking, ``pause`` sleeps in between.
    """

    def __init__(
        self,
        *,
        accounts: Callable[[str], Account],
        credential: PrefetchedCredential,
        outbound: Outbound,
        base_url: str = PUBLIC_CLOUD,
        patience: Patience | None = None,
        confirmation: float = 6.0,
        pause: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._accounts = accounts
        self._resource = AccountResource(
            credential=credential, outbound=outbound, base_url=base_url, patience=patience or Patience()
        )
        self._confirmation = confirmation
        self._pause = pause
        self._monotonic = monotonic

    def read(self, account: str) -> CorsReading:
        """Return the rule as it is now."""
        return self._resource.read(self._accounts(account), reading_of)

    def write(self, account: str, origins: tuple[str, ...] | None, *, request_id: str) -> str | None:
        """Set the one rule, or remove it (None); sent once."""
        return self._resource.patch(self._accounts(account), cors_patch(origins), request_id=request_id)

    def confirm(self, account: str, origins: tuple[str, ...] | None) -> CorsReading:
        """Read until the account is settled and shows ``origins``, or patience is over; returns the last reading."""
        end = self._monotonic() + self._confirmation
        for wait in _waits():
            reading = self.read(account)
            shown = reading.settled and reading.origins == origins
            if shown or self._monotonic() + wait > end:
                break
            self._pause(wait)
        return reading


def cors_patch(origins: tuple[str, ...] | None) -> object:
    """Return the PATCH body; an empty list of rules removes the rule (seed 004, "Remove CORS policy")."""
    rules = [] if origins is None else [{"allowedOrigins": list(origins)}]
    return {"properties": {"cors": {"corsRules": rules}}}


def reading_of(document: Any) -> CorsReading | None:
    """Read an account as ARM shows it; None if it has not the documented shape."""
    members = members_of(document)
    if members is None:
        return None
    try:
        origins = _origins(members.get("properties.cors"))
    except (AttributeError, KeyError, TypeError):
        return None
    return CorsReading(
        origins=origins,
        provisioning_state=str(members.get(PROVISIONING_STATE) or ""),
        others=others_of(members, "properties.cors"),
    )


def _origins(cors: Any) -> tuple[str, ...] | None:
    rules = [] if cors is None else cors.get("corsRules") or []
    if not rules:
        return None
    return tuple(str(origin) for rule in rules for origin in rule["allowedOrigins"])


def _waits() -> Iterator[float]:
    wait = 0.1
    while True:
        yield wait
        wait = min(wait * 2, 1.0)
