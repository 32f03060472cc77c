"""Compare what roles allow on Azure Maps' data plane, by the patterns of their ``dataActions``."""

import re
from collections.abc import Iterable

_MAPS = "microsoft.maps/"


def beyond(granted: Iterable[str], wanted: Iterable[str]) -> tuple[str, ...]:
    """Return the patterns of ``granted`` that concern Azure Maps and that no pattern of ``wanted`` covers."""
    known = tuple(wanted)
    return tuple(each for each in granted if _concerns_maps(each) and not any(_covers(one, each) for one in known))


def _covers(wide: str, narrow: str) -> bool:
    """Tell whether ``wide`` allows all that ``narrow`` does: a ``*`` of its own is matched by nothing but ``*``."""
    pattern = ".*".join(re.escape(part) for part in wide.split("*"))
    return re.fullmatch(pattern, narrow, re.IGNORECASE) is not None


def _concerns_maps(pattern: str) -> bool:
    head = pattern.lower().partition("*")[0]
    return head.startswith(_MAPS) or ("*" in pattern and _MAPS.startswith(head))
