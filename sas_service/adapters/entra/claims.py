"""From the claims of a token with a good signature to the Caller: every claim that a decision hangs on is checked.

Sources: Entra's "access token claims reference" and "claims validation"; reliability.md, sections 1 and 5.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sas_service.adapters.entra.refusal import Reason, refusal
from sas_service.domain.callers import Caller, caller_roles

_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
_CLIENT_CLAIM = {"1.0": "appid", "2.0": "azp"}
_ID_TOKEN_CLAIMS = frozenset({"nonce", "at_hash", "c_hash"})
"""OpenID Connect puts these into ID tokens alone: they bind a sign-in, they do not grant access."""
_LAST_SECOND = 253_402_300_799
"""The end of the year 9999; later times are no times."""


@dataclass(frozen=True, slots=True)
class TokenRules:
    """Whose tokens are accepted and for whom; ``issuers`` maps the ``ver`` claim to the only issuer it may have.

    Access tokens live an hour or so, those of managed identities 24 and continuous access ones 28 hours: anything
    far beyond ``maximum_lifetime`` was not made by Entra's ordinary rules.
    """

    tenant_id: str
    audiences: frozenset[str]
    issuers: Mapping[str, str]
    leeway: timedelta = timedelta(seconds=60)
    maximum_lifetime: timedelta = timedelta(hours=30)

    def __post_init__(self) -> None:
        if _GUID.fullmatch(self.tenant_id) is None:
            raise ValueError("the tenant must be named by its id, a lower-case GUID")
        if not self.audiences or not all(self.audiences):
            raise ValueError("at least one audience is needed: no audience must never mean any audience")
        if not self.issuers or not self.issuers.keys() <= _CLIENT_CLAIM.keys() or not all(self.issuers.values()):
            raise ValueError('issuers are given for the versions "1.0" and "2.0", at least for one of them')


@dataclass(frozen=True, slots=True)
class Window:
    """When a token may be used, leeway included; ``until`` is the first second at which it may not."""

    since: float
    until: float

    def check(self, now: datetime) -> None:
        """Refuse a token that is used outside its window."""
        if now.timestamp() >= self.until:
            raise refusal(Reason.EXPIRED)
        if now.timestamp() < self.since:
            raise refusal(Reason.NOT_YET_VALID)


def caller_from(claims: Mapping[str, Any], rules: TokenRules) -> Caller:
    """Return who the token speaks for; the times are ``window_of``'s matter."""
    version = _check_origin(claims, rules)
    scopes, roles = _permissions(claims)
    delegated = scopes is not None
    _check_kind(claims, delegated=delegated, has_roles=roles is not None)
    return Caller(
        tenant_id=rules.tenant_id,
        object_id=_guid(claims, "oid"),
        application_id=_guid(claims, _CLIENT_CLAIM[version]),
        kind="user" if delegated else "application",
        roles=caller_roles(roles=roles or frozenset(), scopes=scopes or frozenset(), delegated=delegated),
        groups=_groups(claims),
    )


def window_of(claims: Mapping[str, Any], rules: TokenRules) -> Window:
    """Return when the token may be used; all three times are required, as whole seconds."""
    issued, begins, ends = (_seconds(claims, name) for name in ("iat", "nbf", "exp"))
    if ends <= max(issued, begins) or ends - min(issued, begins) > rules.maximum_lifetime.total_seconds():
        raise refusal(Reason.LIFETIME)
    leeway = rules.leeway.total_seconds()
    return Window(since=max(issued, begins) - leeway, until=ends + leeway)


def _check_origin(claims: Mapping[str, Any], rules: TokenRules) -> str:
    version, audience = claims.get("ver"), claims.get("aud")
    if not isinstance(version, str) or version not in rules.issuers:
        raise refusal(Reason.VERSION)
    if claims.get("iss") != rules.issuers[version]:
        raise refusal(Reason.ISSUER)
    if claims.get("tid") != rules.tenant_id:
        raise refusal(Reason.TENANT)
    if not isinstance(audience, str) or audience not in rules.audiences:
        raise refusal(Reason.AUDIENCE)
    return version


def _permissions(claims: Mapping[str, Any]) -> tuple[frozenset[str] | None, frozenset[str] | None]:
    """Return scopes and roles, None for each that is not in the token."""
    scopes = roles = None
    if "scp" in claims:
        if not isinstance(claims["scp"], str) or not claims["scp"].split():
            raise refusal(Reason.CLAIMS)
        scopes = frozenset(claims["scp"].split())
    if "roles" in claims:
        roles = _texts(claims["roles"])
    return scopes, roles


def _check_kind(claims: Mapping[str, Any], *, delegated: bool, has_roles: bool) -> None:
    """Refuse ID tokens, and tokens of which it is not clear whether a user or an application speaks."""
    if not _ID_TOKEN_CLAIMS.isdisjoint(claims):
        raise refusal(Reason.NOT_AN_ACCESS_TOKEN)
    kind = claims.get("idtyp")
    if kind is not None and kind != ("user" if delegated else "app"):
        raise refusal(Reason.CLAIMS)
    if delegated or kind == "app":
        return
    # Without the optional idtyp, Entra's documented mark of an app-only token is that its subject is its object id.
    if not has_roles or claims.get("sub") != claims.get("oid"):
        raise refusal(Reason.NOT_AN_ACCESS_TOKEN)


def _groups(claims: Mapping[str, Any]) -> frozenset[str]:
    """Return the groups; with too many Entra sends a pointer to Graph instead, which is read as no group at all."""
    names = claims.get("_claim_names")
    if claims.get("hasgroups") or (isinstance(names, dict) and "groups" in names):
        return frozenset()
    return _texts(claims["groups"]) if "groups" in claims else frozenset()


def _texts(claim: object) -> frozenset[str]:
    if not isinstance(claim, list) or not all(isinstance(text, str) and text for text in claim):
        raise refusal(Reason.CLAIMS)
    return frozenset(claim)


def _guid(claims: Mapping[str, Any], name: str) -> str:
    claim = claims.get(name)
    if not isinstance(claim, str) or _GUID.fullmatch(claim) is None:
        raise refusal(Reason.CLAIMS)
    return claim


def _seconds(claims: Mapping[str, Any], name: str) -> int:
    claim = claims.get(name)
    # `type() is`, because True is an int to isinstance.
    if type(claim) is not int or not 0 < claim <= _LAST_SECOND:
        raise refusal(Reason.TIMES)
    return claim
