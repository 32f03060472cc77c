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


def test_a_body_in_broken_chunks_is_a_bad_request_and_no_error_of_ours(demo: RunningDemo) -> None:
    address = urlsplit(demo.api)
    head = (
        f"POST /v1/tokens HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {demo.bearer('storefront')}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection((address.hostname, address.port), timeout=10) as client:
        client.sendall(head.encode() + b"zz\r\n{}\r\n0\r\n\r\n")
        assert client.recv(65_536).startswith(b"HTTP/1.1 400")
