"""The three ways to authenticate to Azure Maps: subscription key, Entra bearer with client id, SAS token."""

import hmac
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from werkzeug import Request

from sas_service.emulator import sas
from sas_service.emulator.entra.resources import MAPS_AUDIENCES
from sas_service.emulator.entra.tokens import BearerError, Verifier
from sas_service.emulator.index import Index, LiveAccount
from sas_service.emulator.maps.errors import denied, unauthorized
from sas_service.emulator.store import Store

SAS, BEARER, KEY = "jwt-sas", "Bearer", "SharedKey"
_CACHED_TOKENS = 4096


@dataclass(frozen=True)
class Access:
    """Who calls which account, and within which limits of the token."""

    scheme: str
    account: LiveAccount
    principal: str | None = None
    regions: frozenset[str] | None = None
    rate: int | None = None
    token: str = ""
    not_before: float = 0.0
    expires: float = float("inf")


class Authentication:
    """Finds out who calls."""

    def __init__(self, store: Store, verifier: Verifier) -> None:
        self._store = store
        self._verifier = verifier
        self._sas: OrderedDict[str, tuple[int, Access]] = OrderedDict()

    def access(self, request: Request, index: Index) -> Access:
        """Return the authenticated access, or refuse with 401."""
        header = request.headers.get("Authorization", "")
        scheme, _, credential = header.partition(" ")
        if scheme.lower() == SAS:
            return self._checked_sas(credential.strip(), index)
        if scheme.lower() == "bearer":
            return self._bearer(credential.strip(), request.headers.get("x-ms-client-id", ""), index)
        key = request.args.get("subscription-key") or request.headers.get("subscription-key")
        if key:
            return self._shared_key(key, index)
        query = next((name for name in request.args if name.startswith("eyJ") and name.count(".") == 2), None)  # noqa: PLR2004
        if query and self._store.settings.sas_in_query == "accept":
            return self._checked_sas(query, index)
        raise unauthorized("Bearer", "invalid_request", "The request carries no credentials that Azure Maps accepts.")

    def account_of_preflight(self, request: Request, index: Index) -> LiveAccount | None:
        """Return the account if even a preflight names it, which only a key in the query can do."""
        key = request.args.get("subscription-key")
        return self._account_of_key(key, index) if key else None

    def _shared_key(self, key: str, index: Index) -> Access:
        account = self._account_of_key(key, index)
        if account is None:
            raise unauthorized(KEY, "InvalidKey", "The subscription key is not a key of any Azure Maps account.")
        self._check_local_auth(account, KEY)
        return Access(KEY, account)

    @staticmethod
    def _account_of_key(key: str, index: Index) -> LiveAccount | None:
        for account in index.live_accounts.values():
            if any(hmac.compare_digest(key.encode(), known.encode()) for _, known in account.keys):
                return account
        return None

    def _check_local_auth(self, account: LiveAccount, scheme: str) -> None:
        if account.local_auth_disabled:
            status = self._store.settings.local_auth_disabled_status
            raise denied(status, scheme, "LocalAuthDisabled", "Local authentication is disabled for this account.")

    def _bearer(self, token: str, client_id: str, index: Index) -> Access:
        try:
            caller = self._verifier.verify(token, MAPS_AUDIENCES)
        except BearerError as error:
            raise unauthorized(BEARER, "invalid_token", f"The access token is not accepted: {error.reason}.") from None
        account = index.live_accounts.get(client_id.lower())
        if account is None or account.placed.subscription.tenant.lower() != caller.tenant.lower():
            raise _invalid_client_id(BEARER)
        return Access(BEARER, account, caller.object_id)

    def _checked_sas(self, token: str, index: Index) -> Access:
        """Verify a SAS token; the signature once per token and state of the world, the times at each request."""
        cached = self._sas.get(token)
        if cached is None or cached[0] != index.version:
            access = self._verify_sas(token, index)
            self._sas[token] = (index.version, access)
            while len(self._sas) > _CACHED_TOKENS:
                self._sas.popitem(last=False)
        else:
            access = cached[1]
        now, skew = self._store.clock.now(), self._store.settings.clock_skew.seconds
        if now >= access.expires + skew:
            raise unauthorized(SAS, "ExpiredToken", "The SAS token has expired.")
        if now < access.not_before - skew:
            raise unauthorized(SAS, "TokenNotYetValid", "The SAS token is not valid yet.")
        return access

    def _verify_sas(self, token: str, index: Index) -> Access:
        claims = sas.claims_of(token)
        if claims is None:
            raise unauthorized(SAS, "InvalidToken", "The SAS token is malformed.")
        names = self._store.settings.sas_claims
        account = index.live_accounts.get(str(claims.get(names.account, "")).lower())
        if account is None:
            raise _invalid_client_id(SAS)
        principal = str(claims.get(names.principal, "")).lower()
        self._check_signature(token, principal, account)
        self._check_local_auth(account, SAS)
        if principal not in {each.lower() for each in account.principals}:
            status = self._store.settings.identity_detached_status
            raise denied(status, SAS, "InvalidPrincipal", "The managed identity is not assigned to this account.")
        return _access(token, claims, names, account, principal)

    @staticmethod
    def _check_signature(token: str, principal: str, account: LiveAccount) -> None:
        own = account.identity_keys.get(principal)
        keys = [key for _, key in account.keys] + ([own] if own else [])
        if not any(sas.signed_with(token, key) for key in keys):
            raise unauthorized(
                SAS, "InvalidSignature", "The SAS token was not signed with a current key of the account."
            )


def _access(token: str, claims: dict[str, Any], names: Any, account: LiveAccount, principal: str) -> Access:
    regions = claims.get(names.regions)
    return Access(
        SAS,
        account,
        principal,
        frozenset(regions) if regions else None,
        int(claims[names.rate]),
        token,
        float(claims.get("nbf", 0)),
        float(claims["exp"]),
    )


def _invalid_client_id(scheme: str) -> Exception:
    text = "The provided client ID was incorrect or the account resource does not exist."
    return unauthorized(scheme, "InvalidClientId", text)
