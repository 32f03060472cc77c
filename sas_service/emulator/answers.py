"""JSON answers, and the refusals that each emulated service raises in its own words."""

import json
from collections.abc import Mapping
from typing import Any

from werkzeug import Response


def json_answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON answer."""
    return Response(
        json.dumps(body, separators=(",", ":")),
        status,
        dict(headers or {}),
        content_type="application/json; charset=utf-8",
    )


class RefusalError(Exception):
    """A request that is answered with an error; the body is written by the service that refuses."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = dict(headers or {})

    def answer(self) -> Response:
        """Return the answer."""
        return json_answer(self.body, self.status, self.headers)
