"""A service that says what design.md section 6 says, and nothing else: frames of one run, problems, faults, a tally."""

import json
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

RUN = "rev_01"
HASH = "c0ffee"
TOKEN = "header.payload.signature"
STEPS = ("prove-standby", "switch", "settle", "replace", "regenerate-key", "prove-revoked", "complete")


def radius(total: int, *by: tuple[str, str, int]) -> dict[str, object]:
    shown = [{"team": team, "profile": profile, "tokens": count} for team, profile, count in by]
    return {"total": total, "by": shown, "lastExpiry": "2999-01-01T00:00:00Z"}


def plan(lever: str = "both", **changes: object) -> dict[str, Any]:
    """A plan with the members that design.md promises, and those of docs/revocation.md."""
    return {
        "id": RUN,
        "account": "maps-demo",
        "state": "planned",
        "reason": "tokenLeak",
        "target": {"profile": "storefront-web"},
        "lever": lever,
        "mode": "expedited",
        "planHash": HASH,
        "levers": [
            {
                "lever": name,
                "intended": radius(3, ("storefront", "storefront-web", 3)),
                "collateral": radius(2, ("logistics", "logistics-batch", 2)) if name != "role" else radius(0),
                "reversible": name == "role",
            }
            for name in ("both", "key", "role")
        ],
        "recommended": lever,
        "why": "fewest tokens of others die with it: 2",
        "warnings": ["clients that use primaryKey as a shared key are cut off too"],
        "steps": [],
        "consumers": {"total": 0, "moved": 0},
        "allowedActions": ["abort", "start"],
        **changes,
    }


def frame(state: str, at: str, moved: int = 0, **changes: object) -> dict[str, Any]:
    """The run at a step; everything before it is done."""
    reached = STEPS.index(at)
    names = [
        {
            "name": name,
            "state": "done" if n < reached or state == "completed" else "running" if n == reached else "pending",
        }
        for n, name in enumerate(STEPS)
    ]
    allowed = [] if state in {"completed", "aborted"} else ["abort", "commit", "excuse", "extend", "pause"]
    known: dict[str, Any] = {"consumers": {"total": 3, "moved": moved}, "allowedActions": allowed}
    return plan(state=state, steps=names, **{**known, **changes})


COMPLETED = frame("completed", "complete", 3)


@dataclass
class Call:
    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass
class FakeService:
    """``frames`` are shown one after the other, the last for ever; ``faults`` are answered first."""

    frames: deque[dict[str, Any]] = field(default_factory=lambda: deque([plan()]))
    after_start: list[dict[str, Any]] = field(default_factory=lambda: [COMPLETED])
    answers: dict[tuple[str, str], tuple[int, Any]] = field(default_factory=dict)
    faults: deque[int | str] = field(default_factory=deque)
    tokens: set[str] = field(default_factory=lambda: {TOKEN})
    calls: list[Call] = field(default_factory=list)
    before: Callable[[Call], None] = lambda call: None

    def __post_init__(self) -> None:
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def do(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                text = self.rfile.read(length)
                call = Call(self.command, self.path, dict(self.headers), json.loads(text) if text else None)
                status, document = service.answer(call)
                if status == 0:
                    self.close_connection = True
                    return
                content = document if isinstance(document, bytes) else json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json" if status < 400 else "application/problem+json")
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = do  # noqa: N815  the names that http.server looks for

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def made(self, method: str) -> list[Call]:
        return [call for call in self.calls if call.method == method]

    def answer(self, call: Call) -> tuple[int, Any]:
        if call.headers.get("Authorization") not in {f"Bearer {token}" for token in self.tokens}:
            return 401, problem(401, "unauthenticated", "No trusted bearer token")
        self.before(call)
        if self.faults:
            fault = self.faults.popleft()
            return (0, None) if fault == "drop" else (int(fault), problem(int(fault), "audit-log-unavailable", "Away"))
        self.calls.append(call)
        known = self.answers.get((call.method, call.path))
        return known or self._of_run(call)

    def _of_run(self, call: Call) -> tuple[int, Any]:
        path = call.path.removeprefix(f"/v1/revocations/{RUN}")
        if (call.method, call.path) == ("POST", "/v1/revocations"):
            return 201, {**self.frames[0], "lever": call.body.get("lever") or self.frames[0]["lever"]}
        if (call.method, path) == ("GET", ""):
            return 200, self.frames.popleft() if len(self.frames) > 1 else self.frames[0]
        if call.method == "POST" and call.headers.get("If-Match") != f'"{HASH}"':
            return 428, problem(428, "precondition-missing", "The plan's hash is missing")
        if (call.method, path) == ("POST", "/start"):
            self.frames = deque(self.after_start)
            return 200, self.frames[0]
        return (200, self.frames[0]) if call.method == "POST" else (404, problem(404, "not-found", "Not found"))


def problem(status: int, slug: str, title: str, **more: object) -> dict[str, object]:
    return {"type": f"/problems/{slug}", "title": title, "status": status, "detail": f"{title}.", **more}
