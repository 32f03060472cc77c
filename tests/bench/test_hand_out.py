"""What one hand-out of a shared token costs the API's process, against a bare Flask view called in the same way.

Both applications are called as WSGI, in turns, in one process; a real server holds the token and the counts. Processor
time is told, so that a busy machine changes little; the servers' own share, HTTP, is left out of both and makes the
ratio worse than that of requests per second under gunicorn.
"""

import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import structlog
from flask import Flask

from sas_service.adapters.logs import configure_logs
from sas_service.adapters.memory import MemoryClock
from sas_service.adapters.redis.connection import connect
from sas_service.adapters.redis.server import Server
from sas_service.adapters.redis.shared_tokens import RedisSharedTokens
from sas_service.adapters.redis.slots import RedisSlots
from sas_service.adapters.system_clock import SystemClock
from tests.unit.api.world import SHARING_POLICY, KnownPolicy, World, app_of, as_caller
from tests.valkey_process import start_valkey

ROUNDS, REQUESTS = 9, 400
PATH = "/v1/profiles/shared/token"
BODY = '{"id":"maps-demo.01k7uht300e008000000000001","token":"' + "x" * 700 + '"}'

Call = Callable[[], int]


def bare() -> Flask:
    app = Flask("bare")

    @app.get(PATH)
    def view() -> tuple[str, dict[str, str]]:
        return BODY, {"Content-Type": "application/json"}

    return app


def calling(app: Flask, status: str, **headers: str) -> Call:
    """Return a function that makes one request and tells how many bytes came back."""
    named = {f"HTTP_{name.upper()}": value for name, value in headers.items()}

    def call() -> int:
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": PATH,
            "QUERY_STRING": "",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.url_scheme": "http",
            **named,
        }
        told: list[str] = []
        answer: Iterable[bytes] = app(environ, lambda line, _headers, _error=None: told.append(line))  # type: ignore[arg-type]
        size = len(b"".join(answer))
        assert told[0].startswith(status), told
        return size

    return call


def microseconds(call: Call) -> float:
    before = time.process_time()
    for _ in range(REQUESTS):
        call()
    return (time.process_time() - before) / REQUESTS * 1e6


def test_a_hand_out_against_a_bare_flask_view(tmp_path: Path) -> None:
    valkey = start_valkey(tmp_path / "valkey")
    log = (tmp_path / "log").open("w")
    handlers = logging.getLogger().handlers
    try:
        with contextlib.redirect_stderr(log):
            configure_logs("info")  # as in production: each request writes a line
        server = Server(connect(valkey.url))
        world = World(clock=MemoryClock(datetime.now(UTC)), policies=KnownPolicy(SHARING_POLICY))
        world.shared_tokens = RedisSharedTokens(server)  # type: ignore[assignment]
        RedisSlots(server).initialise("maps-demo", {"shared": "blue"})
        app = app_of(world)
        authorization = as_caller("storefront")["Authorization"]
        tag = f'"{_fingerprint(app, authorization)}"'
        calls = {
            "bare Flask view": calling(bare(), "200"),
            "shared token, JSON": calling(app, "200", authorization=authorization),
            "shared token, text": calling(app, "200", authorization=authorization, accept="text/plain"),
            "shared token, 304": calling(app, "304", authorization=authorization, if_none_match=tag),
            "one script, nothing else": _script(server),
        }
        for call in calls.values():
            call()
        rounds = [{name: microseconds(call) for name, call in calls.items()} for _ in range(ROUNDS)]
    finally:
        logging.getLogger().handlers = handlers
        structlog.reset_defaults()
        log.close()
        valkey.stop()
    costs = {name: median(each[name] for each in rounds) for name in calls}
    floor = costs["bare Flask view"]
    print("\n| what | CPU us | x bare |\n|---|---|---|")
    for name, cost in costs.items():
        print(f"| {name} | {cost:.0f} | {median(each[name] / each['bare Flask view'] for each in rounds):.2f} |")
    assert costs["shared token, JSON"] < 10 * floor


def _fingerprint(app: Flask, authorization: str) -> str:
    answer = app.test_client().get(PATH, headers={"Authorization": authorization})
    return str(answer.get_json()["fingerprint"])


def _script(server: Server) -> Call:
    from sas_service.ports import HandOut  # noqa: PLC0415
    from sas_service.services.make_shared import offers  # noqa: PLC0415
    from tests.unit.api.world import CALLERS  # noqa: PLC0415

    tokens, clock = RedisSharedTokens(server), SystemClock()
    name = next(each.name for each in offers(SHARING_POLICY) if each.team.name == "storefront")
    lying = tokens.peek(name)
    assert lying
    return lambda: len(repr(tokens.hand_out(HandOut(name, CALLERS["storefront"], clock.now(), lying[0]))))
