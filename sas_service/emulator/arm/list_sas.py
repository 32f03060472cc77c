"""The List SAS action: checks what is asked and signs it with the account's key."""

import re
import uuid
from dataclasses import dataclass
from typing import Any

from werkzeug import Response

from sas_service.emulator import sas
from sas_service.emulator.answers import RefusalError, json_answer
from sas_service.emulator.arm.errors import refuse
from sas_service.emulator.arm.gate import Call
from sas_service.emulator.durations import format_duration, parse_timestamp
from sas_service.emulator.index import LiveAccount
from sas_service.emulator.seeding import new_key
from sas_service.emulator.settings import Settings
from sas_service.emulator.store import Store
from sas_service.emulator.world import MapsAccount

MAX_RATE = 500
SIGNING_KEYS = ("primaryKey", "secondaryKey", "managedIdentity")
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True)
class SasRequest:
    """A checked request."""

    signing_key: str
    principal_id: str
    regions: list[str] | None
    rate: int
    start: float
    expiry: float


class ListSas:
    """POST .../accounts/{account}/listSas."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def answer(self, call: Call, account: MapsAccount) -> Response:
        """Return the signed token."""
        asked = self._checked(call.body())
        live = call.index.live_accounts[account.unique_id.lower()]
        self._check_account(asked, live)
        key = self._key(account, asked)
        return json_answer({"accountSasToken": sas.sign(self._claims(account, asked), key)})

    def _refuse(self, message: str) -> RefusalError:
        return refuse(400, self._store.settings.sas_error_code, message)

    def _checked(self, body: dict[str, Any]) -> SasRequest:
        missing = [
            name
            for name in ("signingKey", "principalId", "maxRatePerSecond", "start", "expiry")
            if body.get(name) is None
        ]
        if missing:
            raise self._refuse(f"The required property '{missing[0]}' is missing.")
        if body["signingKey"] not in SIGNING_KEYS:
            raise self._refuse("The signingKey must be primaryKey, secondaryKey or managedIdentity.")
        if not isinstance(body["principalId"], str) or not _GUID.fullmatch(body["principalId"]):
            raise self._refuse("The principalId must be the object id of a managed identity.")
        rate = body["maxRatePerSecond"]
        if not isinstance(rate, int) or isinstance(rate, bool) or not 0 < rate <= MAX_RATE:
            raise self._refuse("The maxRatePerSecond must be greater than 0 and at most 500.")
        start, expiry = self._times(body)
        return SasRequest(
            body["signingKey"], body["principalId"].lower(), self._regions(body.get("regions")), rate, start, expiry
        )

    def _times(self, body: dict[str, Any]) -> tuple[float, float]:
        settings, now = self._store.settings, self._store.clock.now()
        try:
            start, expiry = parse_timestamp(str(body["start"])), parse_timestamp(str(body["expiry"]))
        except ValueError as error:
            raise self._refuse(f"The start and expiry must be UTC dates: {error}.") from None
        if start >= expiry:
            raise self._refuse("The start must be before the expiry.")
        longest = settings.sas_max_lifetime.seconds
        if expiry - start > longest or (expiry - start == longest and not settings.sas_max_lifetime_inclusive):
            raise self._refuse(f"The duration between start and expiry can't be more than {format_duration(longest)}.")
        if expiry <= now and settings.sas_expiry_in_past == "refuse":
            raise self._refuse("The expiry must be in the future.")
        future = settings.sas_max_future_start
        if future is not None and start - now > future.seconds:
            raise self._refuse(f"The start can't be more than {format_duration(future.seconds)} in the future.")
        return start, expiry

    def _regions(self, regions: Any) -> list[str] | None:
        if regions is None:
            return None
        if not isinstance(regions, list) or not all(isinstance(region, str) for region in regions):
            raise self._refuse("The regions must be a list of Azure locations.")
        plain = [region.replace(" ", "").lower() for region in regions]
        valid = self._store.settings.sas_valid_regions
        unknown = [region for region in plain if valid is not None and region not in valid]
        if unknown:
            raise self._refuse(f"The region '{unknown[0]}' is not valid.")
        # An empty list constrains nothing, like a missing one: "omitting regions" is the only documented way.
        return plain or None

    def _check_account(self, asked: SasRequest, live: LiveAccount) -> None:
        settings: Settings = self._store.settings
        attached = {principal.lower() for principal in live.principals}
        system = live.placed.item.system_principal_id.lower()
        if settings.sas_system_assigned_principal == "refuse":
            attached.discard(system)
        if asked.principal_id not in attached:
            raise self._refuse(f"The managed identity '{asked.principal_id}' is not assigned to this account.")
        if live.placed.item.disable_local_auth and settings.sas_while_local_auth_disabled == "refuse":
            raise self._refuse("Local authentication is disabled for this account.")
        if asked.signing_key == "managedIdentity" and settings.sas_managed_identity_key == "refuse":
            raise self._refuse("The signingKey managedIdentity is not supported.")

    def _key(self, account: MapsAccount, asked: SasRequest) -> str:
        if asked.signing_key == "primaryKey":
            return account.primary_key
        if asked.signing_key == "secondaryKey":
            return account.secondary_key
        if asked.principal_id not in account.identity_keys:
            with self._store.change():
                account.identity_keys.setdefault(asked.principal_id, new_key())
        return account.identity_keys[asked.principal_id]

    def _claims(self, account: MapsAccount, asked: SasRequest) -> dict[str, Any]:
        names = self._store.settings.sas_claims
        claims: dict[str, Any] = {
            "exp": int(asked.expiry),
            "nbf": int(asked.start),
            "iat": int(self._store.clock.now()),
            names.account: account.unique_id,
            names.principal: asked.principal_id,
            names.rate: asked.rate,
        }
        if asked.regions is not None:
            claims[names.regions] = asked.regions
        optional = {
            names.signing_key: asked.signing_key,
            names.token_id: uuid.uuid4().hex,
            names.issuer: "https://management.azure.com/",
            names.audience: "https://atlas.microsoft.com/",
        }
        return claims | {name: value for name, value in optional.items() if name}
