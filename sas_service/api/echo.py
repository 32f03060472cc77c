"""What may be repeated of a request: short, plain, and never anything that looks like a token."""

import json
import re

LONGEST = 100
WITHHELD = "(withheld: it looks like a token)"

_TOKEN_LIKE = re.compile(
    # Every JWT, ours and Entra's, begins with the base64 of '{"'.
    r"eyJ[A-Za-z0-9_=.+/-]*"
    # Account keys: 43 characters or more of base64url, or of padded base64; digests in hexadecimal are not meant.
    r"|(?<![A-Za-z0-9_-])(?=[A-Za-z0-9_-]*[a-z])(?=[A-Za-z0-9_-]*[A-Z])(?=[A-Za-z0-9_-]*\d)[A-Za-z0-9_-]{43,}"
    # Each run of characters is tried from its beginning only: 60 KiB of one letter took twenty seconds otherwise.
    r"|(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{43,}={1,2}"
)


def looks_like_token(text: str) -> bool:
    """Tell whether ``text`` has a JWT, the beginning of one, or something like an account key in it."""
    return _TOKEN_LIKE.search(text) is not None


def echo(value: object) -> object:
    """Return ``value`` fit for a violation: numbers and booleans as they are, anything else as a short string."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        text = str(value)
        return value if len(text) <= LONGEST else shorten(text)
    return shorten(value if isinstance(value, str) else json.dumps(value, default=str))


def shorten(text: str) -> str:
    """Return at most 100 characters of ``text``, without any token."""
    if looks_like_token(text):
        return WITHHELD
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def without_tokens(text: str) -> str:
    """Return ``text`` with whatever looks like a token taken out."""
    return _TOKEN_LIKE.sub(WITHHELD, text)
