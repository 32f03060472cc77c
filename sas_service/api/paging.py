"""The two parameters that every list takes."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from sas_service.api.fields import Digits, Text

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 500


class Cursor(Text):
    """Where to go on: the ``next`` of the page before, or only the cursor in it."""

    # An opaque cursor may begin as a token does, and is never on record.
    on_record = False

    def __init__(self) -> None:
        super().__init__(
            longest=8192,
            metadata={"description": "Where to go on: `next` of the page before, or only the cursor in it."},
        )

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, *args, **kwargs)
        return parse_qs(urlsplit(text).query).get("cursor", [text])[0] if text.startswith("/") else text


def limit() -> Digits:
    """How many items a page has at most."""
    return Digits(
        smallest=1,
        largest=LARGEST_LIMIT,
        load_default=DEFAULT_LIMIT,
        metadata={"description": "How many items a page has at most."},
    )
