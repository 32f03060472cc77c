"""Who is asking, and may they: one bearer token, verified, with one of the roles that the operation names."""

import re
from dataclasses import dataclass

from sas_service.domain.callers import Caller, Role
from sas_service.domain.errors import MissingRole, Unauthenticated
from sas_service.ports import CallerTokens, Clock

# Only the scheme ignores case: a pattern that ignores it throughout reads a token four times as slowly.
_BEARER = re.compile(r"(?i:bearer) +([A-Za-z0-9._~+/-]+=*) *", re.ASCII)
_LONGEST = 16 * 1024
"""Entra's tokens with 200 groups have about 10 KiB."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a client without a token is told: where to get one, and for which scope (design.md section 8)."""

    authorization_uri: str | None = None
    scope: str | None = None

    def header(self, *, token_was_sent: bool) -> str:
        """Return the value of WWW-Authenticate; no reason is given for a token that is not trusted (RFC 6750)."""
        hints = {"realm": "sas-service", "authorization_uri": self.authorization_uri, "scope": self.scope}
        if token_was_sent:
            hints["error"] = "invalid_token"
        return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in hints.items() if value)


@dataclass(frozen=True, slots=True)
class Gate:
    """Every operation that is not public goes through ``admit``."""

    caller_tokens: CallerTokens
    clock: Clock

    def identify(self, authorization: str | None) -> Caller:
        """Return the caller; raises Unauthenticated, IdentityUnavailable."""
        return self.caller_tokens.verify(bearer(authorization), self.clock.now())


def bearer(authorization: str | None) -> str:
    """Return the token of the only Authorization header; raises Unauthenticated.

    Two headers reach us joined by a comma, which no bearer token has in it.
    """
    if authorization is None or not authorization.strip():
        raise Unauthenticated("This needs a bearer token.", reason="missing")
    if len(authorization) > _LONGEST:
        raise Unauthenticated("The bearer token cannot be trusted.", reason="too-long")
    match = _BEARER.fullmatch(authorization.strip())
    if match is None:
        raise Unauthenticated("The Authorization header must be one bearer token.", reason="not-bearer")
    return match[1]


def is_allowed(caller: Caller, roles: tuple[Role, ...] | None) -> bool:
    """Tell whether ``caller`` has one of ``roles``; no roles means any authenticated caller."""
    return not roles or not caller.roles.isdisjoint(roles)


def require(caller: Caller, roles: tuple[Role, ...]) -> None:
    """Raise MissingRole unless ``caller`` has one of ``roles``; no roles means any authenticated caller."""
    if not is_allowed(caller, roles):
        names = " or ".join(role.value for role in roles)
        raise MissingRole(f"This needs the app role {names}.", role=names)
