"""Whether the token that came back is the one that was granted; it is read, not verified: only Azure has the keys.

Azure documents none of the claims but ``exp`` (azure-facts.md, section 2). So ``exp`` is required, a claim that bears
the name of what we sent must say what we sent, and any other claim is none of our business.
"""

import base64
import json
from collections.abc import Callable, Mapping

from sas_service.domain.tokens import Grant, SasToken

_SEGMENTS = 3


def check_token(grant: Grant, token: SasToken) -> list[str]:
    """Return the names of what differs from ``grant``: nothing, when the token may be handed out."""
    claims = _claims(token.reveal())
    if claims is None:
        return ["format"]
    if "exp" not in claims:
        return ["exp"]
    return [name for name, agrees in _KNOWN_CLAIMS.items() if name in claims and not agrees(claims[name], grant)]


def _claims(token: str) -> Mapping[str, object] | None:
    segments = token.split(".")
    if len(segments) != _SEGMENTS or not all(segments):
        return None
    payload = segments[1].rstrip("=")
    try:
        raw = base64.b64decode(payload + "=" * (-len(payload) % 4), altchars=b"-_", validate=True)
        claims = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return claims if isinstance(claims, dict) else None


def _is_second(claim: object, seconds: float) -> bool:
    """Tell whether a NumericDate is that second; it may have a fraction of zero (RFC 7519), but is no text."""
    return isinstance(claim, int | float) and not isinstance(claim, bool) and claim == seconds


def _is_expiry(claim: object, grant: Grant) -> bool:
    return _is_second(claim, grant.expiry.timestamp())


def _is_start(claim: object, grant: Grant) -> bool:
    return _is_second(claim, grant.start.timestamp())


def _is_rate(claim: object, grant: Grant) -> bool:
    return not isinstance(claim, bool) and str(claim) == str(grant.max_rate_per_second)


def _are_regions(claim: object, grant: Grant) -> bool:
    """Compare as sets; text may list them with commas or spaces, and nothing means that none was asked for."""
    if isinstance(claim, str):
        claim = claim.replace(",", " ").split()
    if claim is not None and not isinstance(claim, list):
        return False
    named = {str(region).lower() for region in claim or ()}
    return named == {region.lower() for region in grant.regions or ()}


def _is_principal(claim: object, grant: Grant) -> bool:
    return isinstance(claim, str) and claim.lower() == grant.principal_id.lower()


_KNOWN_CLAIMS: Mapping[str, Callable[[object, Grant], bool]] = {
    "exp": _is_expiry,
    "nbf": _is_start,
    "maxRatePerSecond": _is_rate,
    "regions": _are_regions,
    "principalId": _is_principal,
}
"""List SAS's own words for what it was asked, plus JWT's for the times."""
