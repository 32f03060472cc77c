"""What gunicorn itself refuses, before any of our code runs, is logged through our net as well."""

import socket
from urllib.parse import urlsplit

import pytest

from tests.e2e.running_demo import RunningDemo

_SECRET = "eyJhbGciOiJub25lIn0.eyJtYWxmb3JtZWQiOiJoZWFkZXIifQ.x"


@pytest.mark.parametrize(
    "request_text",
    [
        f"GET / HTTP/1.1\r\nHost: x\r\nAuthorization Bearer {_SECRET}\r\n\r\n",
        f"GET /v1/tokens?token={_SECRET}\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: x\r\nExpect: {_SECRET}\r\n\r\n",
    ],
)
def test_a_malformed_request_leaves_no_secret_in_the_log(demo: RunningDemo, request_text: str) -> None:
    address = urlsplit(demo.api)
    with socket.create_connection((address.hostname, address.port), timeout=5) as client:
        client.sendall(request_text.encode())
        assert b" 4" in client.recv(65_536)
    log = (demo.directory / "log" / "api.log").read_text()
    assert "Invalid request" in log or "expectation" in log
    assert _SECRET not in log
