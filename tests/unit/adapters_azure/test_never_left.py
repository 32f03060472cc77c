"""``effect`` is ``none`` only where no request can have arrived: azure-core calls more than that a request error."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sas_service.adapters.azure.account_keys import AzureAccountKeys
from sas_service.adapters.azure.attempts import Patience
from sas_service.adapters.azure.transport import Outbound
from sas_service.domain.errors import AzureUnavailable
from sas_service.domain.slots import SigningKey
from sas_service.emulator.certificates import tls_files
from tests.unit.adapters_azure.azure_world import StubArm, accounts, all_text_of
from tests.unit.adapters_azure.loopback_server import Reply, unused_port

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
SECRET_START = b'{"primaryKey": "a-key-in-the-clear'


@contextmanager
def cut_off(files: tuple[Path, Path], answer: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """Take one https request, send ``answer``, and cut the connection without the farewell that TLS asks for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(5)
    asked: list[bytes] = []

    def serve() -> None:
        connection, _ = listener.accept()
        connection.settimeout(5)
        try:
            secure = context.wrap_socket(connection, server_side=True)
        except OSError:
            connection.close()
            return
        while b"keyType" not in b"".join(asked):
            asked.append(secure.recv(65_536))
        secure.sendall(answer)
        # Closing the descriptor beneath leaves TLS without its close_notify.
        socket.close(secure.detach())

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}", asked
    finally:
        thread.join()
        listener.close()


def effect_of(base_url: str, outbound: Outbound, *, read: float = 2.0) -> str:
    with StubArm(Reply()) as arm:
        keys = AzureAccountKeys(
            accounts=accounts,
            credential=arm.prefetched(),
            outbound=outbound,
            pepper=b"sixteen bytes or",
            base_url=base_url,
            patience=Patience(deadline=4.0, connect=1.0, read=read),
        )
        with pytest.raises(AzureUnavailable) as failed:
            keys.regenerate("maps-demo", SigningKey.PRIMARY, request_id="request-1")
    outbound.close()
    assert SECRET_START.decode() not in all_text_of(failed.value)
    return str(failed.value.extra["effect"])


@pytest.mark.parametrize("answer", [b"", HEAD, HEAD + SECRET_START])
def test_tls_cut_after_the_request_leaves_the_effect_unknown(tmp_path: Path, answer: bytes) -> None:
    files = tls_files(tmp_path, "127.0.0.1")
    with cut_off(files, answer) as (url, asked):
        assert effect_of(url, Outbound(ca_bundle=str(files[0]))) == "unknown"
    assert b"regenerateKey" in b"".join(asked)


def test_a_body_that_stalls_leaves_the_effect_unknown() -> None:
    with StubArm(Reply(200, SECRET_START, fault="drip")) as azure:
        assert effect_of(azure.server.url, Outbound(), read=0.02) == "unknown"
        assert len(azure.server.asked) == 1


def test_a_peer_that_is_not_trusted_got_nothing(tmp_path: Path) -> None:
    with cut_off(tls_files(tmp_path, "127.0.0.1"), b"") as (url, asked):
        assert effect_of(url, Outbound()) == "none"
    assert asked == []


def test_nobody_at_the_door_got_nothing() -> None:
    assert effect_of(f"http://127.0.0.1:{unused_port()}", Outbound()) == "none"


def test_a_proxy_that_is_away_got_nothing() -> None:
    through = Outbound(proxies={"https": f"http://127.0.0.1:{unused_port()}"})
    assert effect_of("https://127.0.0.1:1", through) == "none"
