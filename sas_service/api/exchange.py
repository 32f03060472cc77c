"""A request as a view sees it, and an answer as a view gives it: no Flask in either."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode

from sas_service.domain.callers import Caller
from sas_service.domain.errors import Unauthenticated, Violation


@dataclass(frozen=True, slots=True)
class Ask:
    """A request after authentication and validation.

    ``body`` has what could be read; ``shape`` what could not, for the views that let the policy speak as well. ``said``
    is the query as it was written.
    """

    request_id: str
    address: str
    path: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    said: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    body_hash: str = ""
    shape: tuple[Violation, ...] = ()
    idempotency_key: str | None = None
    if_none_match: str | None = None
    if_match: str | None = None
    last_event_id: int | None = None
    origin: str | None = None
    wants: str = "application/json"
    authenticated: Caller | None = None

    @property
    def caller(self) -> Caller:
        """The caller; a public view that asks for one is refused rather than served."""
        if self.authenticated is None:
            raise Unauthenticated("This needs a bearer token.", reason="missing")
        return self.authenticated

    @property
    def wants_text(self) -> bool:
        """Whether plain text is wanted rather than JSON."""
        return self.wants == "text/plain"

    def listing(self, *filters: str) -> dict[str, Any]:
        """Return what a list takes: each of ``filters`` (None where it was not asked), the cursor and the limit."""
        return {name: self.query.get(name) for name in (*filters, "cursor", "limit")}


class Stream(Protocol):
    """An answer that is told piece by piece; ``close`` is called in any case, also when nobody listened."""

    def __iter__(self) -> Iterator[str]:
        """Return the pieces as they come."""
        ...

    def close(self) -> None:
        """Give back what the stream holds; may be called more than once."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes out; everything else about the response is the same for all views. ``stream`` replaces ``content``."""

    content: str = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"
    stream: Stream | None = None

    @property
    def content_type(self) -> str:
        """The media type, with its charset where it is text."""
        text = self.media_type.startswith("text/") and "charset" not in self.media_type
        return f"{self.media_type}; charset=utf-8" if text else self.media_type


def dump(document: object) -> str:
    """Return ``document`` as JSON without spaces."""
    return _ENCODE(document)


_ENCODE = json.JSONEncoder(separators=(",", ":")).encode
"""Made once: making an encoder costs as much as using it."""


def json_answer(document: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Answer with a document."""
    return Answer(dump(document), status, headers or {})


def page_answer(ask: Ask, items: str, following: str | None) -> Answer:
    """Answer with a page of a list: ``items`` is a JSON array, ``following`` the cursor of the next page."""
    link = next_link(ask, following)
    headers = {} if link is None else {"Link": f'<{link}>; rel="next"'}
    return Answer(f'{{"items":{items},"next":{dump(link)}}}', headers=headers)


def next_link(ask: Ask, following: str | None) -> str | None:
    """Return the address of the next page, None at the end: the query as it was written, with another cursor."""
    if following is None:
        return None
    kept = {name: value for name, value in ask.said.items() if name not in {"limit", "cursor"}}
    return f"{ask.address}?{urlencode({**kept, 'limit': ask.query['limit'], 'cursor': following})}"
