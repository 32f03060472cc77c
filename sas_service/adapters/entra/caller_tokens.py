"""The port CallerTokens for Entra ID: which access tokens are believed, and whom they speak for."""

import hashlib
from collections.abc import Mapping
from datetime import datetime

import jwt

from sas_service.adapters.entra.claims import TokenRules, caller_from, window_of
from sas_service.adapters.entra.compact_jwt import MAXIMUM_LENGTH, header_of, json_object, key_id
from sas_service.adapters.entra.refusal import Reason, refusal
from sas_service.adapters.entra.signing_keys import SigningKeys
from sas_service.adapters.entra.verification_key import VerificationKey
from sas_service.adapters.entra.verified_tokens import Verified, VerifiedTokens
from sas_service.domain.callers import Caller

_RS256 = jwt.PyJWS(algorithms=["RS256"])


class EntraCallerTokens:
    """Verifies access tokens of one tenant; good ones are remembered until they expire or their key is gone."""

    def __init__(self, *, keys: SigningKeys, rules: TokenRules, remembered: int = 10_000) -> None:
        self._keys = keys
        self._rules = rules
        self._verified = VerifiedTokens(remembered)

    def verify(self, bearer: str, now: datetime) -> Caller:
        """Return who ``bearer`` proves; raises Unauthenticated, or IdentityUnavailable when no signing key is known."""
        if len(bearer) > MAXIMUM_LENGTH:
            raise refusal(Reason.TOO_LARGE)
        if not bearer.isascii():
            raise refusal(Reason.MALFORMED)
        digest = hashlib.sha256(bearer.encode("ascii")).digest()
        known = self._still_good(digest, now)
        if known is None:
            known = self._verify(bearer, now)
            self._verified.put(digest, known)
        known.window.check(now)
        return known.caller

    def prefetch(self, now: datetime) -> None:
        """Fetch the signing keys before the first request needs them; raises IdentityUnavailable."""
        self._keys.refresh(now)

    def status(self, now: datetime) -> Mapping[str, object]:
        """Return the state of the signing keys, for /readyz and doctor."""
        return self._keys.status(now)

    def _still_good(self, digest: bytes, now: datetime) -> Verified | None:
        """Return a remembered token if its key is still the tenant's; asking also keeps the keys fresh."""
        known = self._verified.get(digest)
        if known is None:
            return None
        key = self._keys.find(known.kid, now)
        if key is not None and key.thumbprint == known.thumbprint and now.timestamp() < known.window.until:
            return known
        self._verified.discard(digest)
        return None

    def _verify(self, bearer: str, now: datetime) -> Verified:
        kid = key_id(header_of(bearer))
        key = self._keys.find(kid, now)
        if key is None:
            raise refusal(Reason.UNKNOWN_KEY)
        claims = json_object(_signed_payload(bearer, key))
        caller = caller_from(claims, self._rules)
        window = window_of(claims, self._rules)
        window.check(now)
        return Verified(caller=caller, window=window, kid=kid, thumbprint=key.thumbprint)


def _signed_payload(bearer: str, key: VerificationKey) -> bytes:
    try:
        payload: bytes = _RS256.decode(bearer, key.jwk, algorithms=["RS256"])
    except jwt.PyJWTError:
        payload = b""
    if not payload:
        raise refusal(Reason.SIGNATURE)
    return payload
