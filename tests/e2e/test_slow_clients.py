"""Clients that send slowly, or never finish, cannot keep the API from others."""

import socket
import time
from urllib.parse import urlsplit

import requests

from tests.e2e.running_demo import RunningDemo, eventually


def test_half_requests_hold_no_thread_for_long(fresh_demo: RunningDemo) -> None:
    address = urlsplit(fresh_demo.api)
    slow = [socket.create_connection((address.hostname, address.port), timeout=30) for _ in range(40)]
    try:
        for each in slow:
            each.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Half: ")
        time.sleep(1)

        def answers() -> bool:
            try:
                return requests.get(fresh_demo.api + "/healthz", timeout=2).ok
            except requests.RequestException:
                return False

        eventually(answers, within=45)
    finally:
        for each in slow:
            each.close()
    assert fresh_demo.issue().status_code == 201
