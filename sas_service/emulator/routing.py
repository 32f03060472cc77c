"""From a path to an operation, without regard to case, as ARM and the maps data plane do it."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from werkzeug import Request, Response

Handler = Callable[..., Response]


@dataclass(frozen=True)
class Route:
    """One operation: its service and name (for counters and faults), its path, and the function that answers it."""

    service: str
    operation: str
    methods: tuple[str, ...]
    path: str
    answer: Handler


@dataclass(frozen=True)
class Match:
    """A request's operation and the variable parts of its path."""

    route: Route
    parts: dict[str, str]


class Router:
    """Finds the route of a request; paths without variable parts are found without searching."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._fixed: dict[tuple[str, str], Route] = {}
        self._patterns: list[tuple[re.Pattern[str], Route]] = []
        for route in routes:
            if "{" in route.path:
                self._patterns.append((_compile(route.path), route))
            else:
                for method in route.methods:
                    self._fixed[method, route.path.lower()] = route

    def match(self, method: str, path: str) -> Match | None:
        """Return the operation of a request, or None."""
        wanted = "GET" if method == "HEAD" else method
        fixed = self._fixed.get((wanted, path.rstrip("/").lower() or "/"))
        if fixed:
            return Match(fixed, {})
        for pattern, route in self._patterns:
            if wanted in route.methods and (found := pattern.fullmatch(path)):
                return Match(route, found.groupdict())
        return None

    def methods_of(self, path: str) -> list[str]:
        """Return the methods that exist for a path: empty means an unknown path."""
        return [method for method in ("GET", "POST", "PUT", "PATCH", "DELETE") if self.match(method, path)]


def _compile(path: str) -> re.Pattern[str]:
    """Turn /a/{b}/{rest:path} into a pattern: a part without and with slashes."""
    pattern = ""
    for piece in re.split(r"(\{\w+(?::path)?\})", path):
        if piece.startswith("{"):
            name, _, kind = piece.strip("{}").partition(":")
            pattern += f"(?P<{name}>.+?)" if kind else f"(?P<{name}>[^/]+)"
        else:
            pattern += re.escape(piece)
    return re.compile(pattern + "/?", re.IGNORECASE)


def json_body(request: Request) -> object:
    """Return the request's JSON, or None if there is none; a ValueError says that it is broken."""
    raw = request.get_data()
    if not raw.strip():
        return None
    document: object = request.json_module.loads(raw)
    return document
