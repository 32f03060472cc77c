"""Origins of web pages as browsers send them: scheme, host and perhaps an unusual port; https, or http on loopback."""

import re
from typing import Final

_HOST = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
_LOOPBACK = r"localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\]"

ORIGIN_PATTERN: Final = rf"https://({_HOST})(?!:443$)(:\d{{1,5}})?|http://({_LOOPBACK})(?!:80$)(:\d{{1,5}})?"
"""A default port is refused, because no browser sends it: the rule would match nobody."""

LONGEST_ORIGIN: Final = 270
"""``https://``, a host name of 253 characters, a port."""

_PORTS = range(1, 65_536)


def web_origin(text: str) -> str | None:
    """Return the origin in lower case, as browsers send it; None for everything else, ``*`` and wildcards included."""
    if len(text) > LONGEST_ORIGIN or re.fullmatch(ORIGIN_PATTERN, text, re.ASCII) is None:
        return None
    port = re.search(r":(\d+)$", text)
    # A browser sends the number without leading zeros.
    usable = port is None or (int(port[1]) in _PORTS and not port[1].startswith("0"))
    return text.lower() if usable else None
