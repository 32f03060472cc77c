"""Makes and verifies Entra's access tokens, v1 and v2, for applications, managed identities and users."""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import jwt

from sas_service.emulator.directory import Application, Tenant, User
from sas_service.emulator.entra.keys import KeyRing, base64url
from sas_service.emulator.entra.resources import Resource
from sas_service.emulator.scopes import Placed
from sas_service.emulator.store import Store
from sas_service.emulator.world import ManagedIdentity

STS = "https://sts.windows.net"
V2 = 2
_REMEMBERED = 1024


@dataclass(frozen=True)
class Caller:
    """Who a verified bearer token stands for."""

    object_id: str
    tenant: str
    app_id: str
    name: str
    is_user: bool


class BearerError(Exception):
    """A bearer token that is not accepted; the reason is one of expired, signature, audience, tenant, malformed."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


class Mint:
    """Signs tokens."""

    def __init__(self, store: Store, ring: KeyRing) -> None:
        self._store = store
        self._ring = ring

    def for_application(
        self, tenant: Tenant, application: Application, resource: Resource, base: str, credential: str
    ) -> tuple[str, int]:
        """Return an app-only token and its lifetime; credential is "1" for a secret, "2" for an assertion."""
        lifetime = int(self._store.settings.access_token_lifetime.seconds)
        subject = {"oid": application.object_id, "sub": application.object_id, "idtyp": "app"}
        claims = subject | self._client_claims(resource, application.client_id, credential)
        claims |= self._roles(tenant, resource, {application.object_id})
        return self._sign(tenant.id, resource, base, lifetime, claims), lifetime

    def for_identity(
        self, tenant: str, identity: Placed[ManagedIdentity], resource: Resource, base: str
    ) -> tuple[str, int]:
        """Return a managed identity's token and its lifetime."""
        lifetime = int(self._store.settings.managed_identity_token_lifetime.seconds)
        principal = identity.item.principal_id
        claims: dict[str, Any] = {"oid": principal, "sub": principal, "idtyp": "app", "xms_mirid": identity.id}
        claims |= self._client_claims(resource, identity.item.client_id, "2")
        claims |= self._roles(self._store.index().tenants[tenant], resource, {principal})
        return self._sign(tenant, resource, base, lifetime, claims), lifetime

    def for_user(
        self, tenant: Tenant, user: User, client: Application, resource: Resource, base: str
    ) -> tuple[str, int]:
        """Return a delegated token and its lifetime."""
        lifetime = int(self._store.settings.access_token_lifetime.seconds)
        claims = self._user_claims(user, client, resource) | self._client_claims(resource, client.client_id, "0")
        groups = self._store.index().groups_of.get(user.object_id, frozenset())
        claims |= self._roles(tenant, resource, {user.object_id, *groups})
        if groups and resource.application and resource.application.group_claims:
            claims["groups"] = sorted(groups)
        return self._sign(tenant.id, resource, base, lifetime, claims), lifetime

    def id_token(self, tenant: Tenant, user: User, client: Application, base: str, nonce: str | None) -> str:
        """Return an ID token: it tells the client who signed in and opens no API."""
        claims = self._user_claims(user, client, Resource(client.client_id, V2, client))
        claims.pop("scp", None)
        if nonce:
            claims["nonce"] = nonce
        lifetime = int(self._store.settings.access_token_lifetime.seconds)
        return self._sign(tenant.id, Resource(client.client_id, V2, client), base, lifetime, claims)

    @staticmethod
    def _client_claims(resource: Resource, client_id: str, credential: str) -> dict[str, Any]:
        if resource.version == V2:
            return {"azp": client_id, "azpacr": credential}
        return {"appid": client_id, "appidacr": credential}

    @staticmethod
    def _user_claims(user: User, client: Application, resource: Resource) -> dict[str, Any]:
        # Pairwise, as in Entra: the same person has another `sub` for another receiver.
        pairwise = hashlib.sha256(f"{user.object_id}{resource.audience}{client.client_id}".encode()).digest()
        claims: dict[str, Any] = {"oid": user.object_id, "sub": base64url(pairwise), "name": user.display_name}
        if resource.scopes:
            claims["scp"] = " ".join(resource.scopes)
        if resource.version == V2:
            return claims | {"preferred_username": user.user_principal_name}
        return claims | {"upn": user.user_principal_name, "unique_name": user.user_principal_name}

    def _roles(self, tenant: Tenant, resource: Resource, holders: Collection[str]) -> dict[str, Any]:
        application = resource.application
        if application is None:
            return {}
        names = {application.client_id.lower(), *(uri.lower() for uri in application.identifier_uris)}
        roles = {
            role
            for assignment in tenant.app_role_assignments
            if assignment.principal_id in holders and assignment.resource.lower() in names
            for role in assignment.roles
        }
        return {"roles": sorted(roles)} if roles else {}

    def _sign(self, tenant: str, resource: Resource, base: str, lifetime: int, claims: dict[str, Any]) -> str:
        now = int(self._store.clock.now())
        version = {"ver": "2.0"} if resource.version == V2 else {"ver": "1.0"}
        issuer = f"{base}/{tenant}/v2.0" if resource.version == V2 else f"{STS}/{tenant}/"
        identity_provider = {} if resource.version == V2 else {"idp": issuer}
        body = {"aud": resource.audience, "iss": issuer, "iat": now, "nbf": now, "exp": now + lifetime}
        body |= identity_provider | claims | {"tid": tenant, "uti": base64url(secrets.token_bytes(16))} | version
        key_id, key = self._ring.current()
        header = {"kid": key_id} | ({"x5t": key_id} if resource.version != V2 else {})
        return jwt.encode(body, key, "RS256", header)


class Verifier:
    """Checks bearer tokens on behalf of ARM, the data plane and Key Vault."""

    def __init__(self, store: Store, ring: KeyRing) -> None:
        self._store = store
        self._ring = ring
        self._signed: OrderedDict[str, tuple[str, dict[str, Any]]] = OrderedDict()

    def verify(self, token: str, audiences: Collection[str]) -> Caller:
        """Return whom the token stands for, or raise BearerError."""
        claims = self._claims(token)
        if str(claims.get("aud", "")).rstrip("/") not in audiences:
            raise BearerError("audience", str(claims.get("aud")))
        now = self._store.clock.now()
        if now >= float(claims["exp"]) or now < float(claims["nbf"]) - 300:
            raise BearerError("expired")
        tenant = str(claims["tid"])
        if tenant.lower() not in self._store.index().tenants:
            raise BearerError("tenant", tenant)
        app_id = str(claims.get("appid") or claims.get("azp"))
        name = str(claims.get("upn") or claims.get("preferred_username") or app_id)
        return Caller(str(claims["oid"]), tenant, app_id, name, "idtyp" not in claims)

    def _claims(self, token: str) -> dict[str, Any]:
        """Return the claims of a well-signed token; its signature is checked once while its key is published."""
        key_id, claims = self._signed.get(token, ("", {}))
        if not claims or self._ring.public(key_id) is None:
            key_id, claims = self._verified(token)
            self._signed[token] = key_id, claims
            while len(self._signed) > _REMEMBERED:
                self._signed.popitem(last=False)
        return claims

    def _verified(self, token: str) -> tuple[str, dict[str, Any]]:
        try:
            key_id = str(jwt.get_unverified_header(token).get("kid"))
            key = self._ring.public(key_id)
            if key is None:
                raise BearerError("signature")
            # Times are judged by the emulated clock, not by PyJWT's.
            options: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
            claims: dict[str, Any] = jwt.decode(token, key, algorithms=["RS256"], options=options)
        except jwt.InvalidSignatureError:
            raise BearerError("signature") from None
        except jwt.PyJWTError:
            raise BearerError("malformed") from None
        return key_id, claims
