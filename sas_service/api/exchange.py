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

    ``body`` has what could be read; ``shape`` what could not, for the views that let the policy speak as well.
    """

    request_id: str
    address: str
    path: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    body_hash: str = ""
    shape: tuple[Violation, ...] = ()
    idempotency_key: str | None = None
    if_match: str | None = None
    last_event_id: int | None = None
    origin: str | None = None
    wants_text: bool = False
    authenticated: Caller | None = None

    @property
    def caller(self) -> Caller:
        """The caller; a public view that asks for one is refused rather than served."""
        if self.authenticated is None:
            raise Unauthenticated("This needs a bearer token.", reason="missing")
        return self.authenticated

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


def dump(document: object) -> str:
    """Return ``document`` as JSON without spaces."""
    return json.dumps(document, separators=(",", ":"))


def json_answer(document: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Answer with a document."""
    return Answer(dump(document), status, headers or {})


def page_answer(ask: Ask, items: str, following: str | None) -> Answer:
    """Answer with a page of a list: ``items`` is a JSON array, ``following`` the cursor of the next page."""
    link = None if following is None else f"{ask.address}?{urlencode({**_said(ask), 'cursor': following})}"
    headers = {} if link is None else {"Link": f'<{link}>; rel="next"'}
    return Answer(f'{{"items":{items},"next":{dump(link)}}}', headers=headers)


def _said(ask: Ask) -> dict[str, Any]:
    return {name: value for name, value in ask.query.items() if value is not None and name != "cursor"}
