"""A shop's web server for one test: the page with the map, the SDK it loads, and the backend that fetches tokens."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.node.packages import FOLDER

_SDK = FOLDER / "node_modules" / "azure-maps-control" / "dist"
_FILES = {
    "/": (FOLDER / "map.html", "text/html"),
    "/sdk/atlas.min.js": (_SDK / "atlas.min.js", "text/javascript"),
    "/sdk/atlas.min.css": (_SDK / "atlas.min.css", "text/css"),
}


@contextmanager
def open_shop(new_token: Callable[[], str]) -> Iterator[str]:
    """Serve the page on a free port; ``GET /token`` answers with a bare token. Yields the address."""

    class Visit(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/token":
                # Only the bare token: the secret with which it was asked for stays on the server.
                self._answer(new_token().encode(), "text/plain")
            elif path in _FILES:
                file, kind = _FILES[path]
                self._answer(file.read_bytes(), kind)
            else:
                self.send_error(404)

        def _answer(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the base class
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Visit) as server:
        # Connections that the browser keeps open must not hold up the end of a test.
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
