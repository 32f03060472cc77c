"""The control endpoint /_emulator: settings, faults, clock, counters and the request log, for tests and people."""

import json
from collections.abc import Callable
from typing import Any

from werkzeug import Request, Response

from sas_service.emulator import shapes
from sas_service.emulator.answers import RefusalError, json_answer
from sas_service.emulator.counters import Counters
from sas_service.emulator.durations import azure_timestamp, parse_duration
from sas_service.emulator.entra.keys import KeyRing
from sas_service.emulator.faults import KINDS, Faults
from sas_service.emulator.page import render_page
from sas_service.emulator.routing import Route
from sas_service.emulator.settings import described
from sas_service.emulator.store import Store

_BASE = "/_emulator"


class Control:
    """What no Azure has: a hand on the world."""

    def __init__(self, store: Store, counters: Counters, faults: Faults, ring: KeyRing) -> None:
        self._store = store
        self._counters = counters
        self._faults = faults
        self._ring = ring

    def routes(self) -> list[Route]:
        """Return the endpoints."""
        table: list[tuple[str, str, Callable[..., Response]]] = [
            ("GET", "", self.page),
            ("GET", "/health", self.health),
            ("GET", "/counters", self.counters),
            ("DELETE", "/counters", self.reset_counters),
            ("GET", "/requests", self.requests),
            ("GET", "/settings", self.settings),
            ("PATCH", "/settings", self.patch_settings),
            ("GET", "/faults", self.faults),
            ("POST", "/faults", self.plan_fault),
            ("DELETE", "/faults", self.clear_faults),
            ("DELETE", "/faults/{fault}", self.clear_faults),
            ("GET", "/clock", self.clock),
            ("POST", "/clock", self.move_clock),
            ("POST", "/entra/rollover", self.roll_over),
        ]
        return [
            Route("control", f"{method} {path or '/'}", (method,), _BASE + path, answer)
            for method, path, answer in table
        ]

    def page(self, request: Request) -> Response:
        """Show the world to people."""
        del request
        html = render_page(self._store, self._counters, self._faults)
        headers = {
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
            "Cache-Control": "no-store",
        }
        return Response(html, content_type="text/html; charset=utf-8", headers=headers)

    def health(self, request: Request) -> Response:
        """Say that the emulator is ready."""
        del request
        return json_answer({"status": "ready"})

    def counters(self, request: Request) -> Response:
        """Return what was counted."""
        del request
        return json_answer(self._counters.snapshot())

    def reset_counters(self, request: Request) -> Response:
        """Begin to count again."""
        del request
        self._counters.reset()
        return Response(status=204)

    def requests(self, request: Request) -> Response:
        """Return the newest requests, optionally of one operation or service."""
        limit = int(request.args.get("limit", "100")) if request.args.get("limit", "100").isdecimal() else 100
        return json_answer({"items": self._counters.log(limit, request.args.get("operation"))})

    def settings(self, request: Request) -> Response:
        """Return every setting."""
        del request
        return json_answer(described(self._store.settings))

    def patch_settings(self, request: Request) -> Response:
        """Change settings."""
        with _refusing():
            self._store.change_settings(_document(request))
        return json_answer(described(self._store.settings))

    def faults(self, request: Request) -> Response:
        """Return the planned faults, and the kinds and operations there are."""
        del request
        operations = {service: sorted(names) for service, names in self._faults.operations.items()}
        return json_answer({"items": self._faults.planned(), "kinds": KINDS, "operations": operations})

    def plan_fault(self, request: Request) -> Response:
        """Plan a fault."""
        with _refusing():
            fault = self._faults.plan(_document(request))
        return json_answer(shapes.write(fault), 201)

    def clear_faults(self, request: Request, fault: str | None = None) -> Response:
        """Forget one fault, those of an operation (in the body or the query), or all."""
        with _refusing():
            document = _document(request) or {}
        operation = document.get("operation") if isinstance(document, dict) else None
        removed = self._faults.clear(fault_id=fault, operation=operation or request.args.get("operation"))
        return json_answer({"removed": removed})

    def clock(self, request: Request) -> Response:
        """Return the emulated time."""
        del request
        clock = self._store.clock
        now = clock.now()
        return json_answer(
            {"now": azure_timestamp(now), "epoch": now, "offsetSeconds": clock.offset, "frozen": clock.frozen}
        )

    def move_clock(self, request: Request) -> Response:
        """Advance, freeze or thaw the clock."""
        with _refusing():
            document = _document(request)
            if not isinstance(document, dict) or not document or set(document) - {"advance", "freeze"}:
                raise shapes.ShapeError('clock: expected {"advance": duration} and/or {"freeze": true or false}')
            with self._store.change():
                self._move(document)
        return self.clock(request)

    def _move(self, document: dict[str, Any]) -> None:
        if "advance" in document:
            self._store.clock.advance(parse_duration(str(document["advance"])))
        if document.get("freeze") is True:
            self._store.clock.freeze()
        elif document.get("freeze") is False:
            self._store.clock.thaw()

    def roll_over(self, request: Request) -> Response:
        """Let Entra sign with a new key; {"forget": true} unpublishes the older ones."""
        with _refusing():
            document = _document(request) or {}
        forget = isinstance(document, dict) and document.get("forget") is True
        return json_answer({"kid": self._ring.roll_over(forget=forget)})


class _refusing:  # noqa: N801 - reads as a statement
    """Turns what is wrong with a control document into a 400 that says it."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ValueError):
            raise RefusalError(400, {"error": {"code": "BadRequest", "message": str(error)}}) from None


def _document(request: Request) -> Any:
    raw = request.get_data()
    return json.loads(raw) if raw.strip() else None
