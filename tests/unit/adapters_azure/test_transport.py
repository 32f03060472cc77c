"""The way out: TLS 1.2 or newer, verified certificates, no proxy or password file picked up from the environment."""

import datetime as dt
import ipaddress
import logging
import os
import pickle
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sas_service.adapters.azure.transport import Outbound
from tests.unit.adapters_azure.crowd import in_threads
from tests.unit.adapters_azure.loopback_server import LoopbackServer, Reply, unused_port


@pytest.fixture
def outbound() -> Iterator[Outbound]:
    outbound = Outbound(pool_size=4)
    yield outbound
    outbound.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + built.public_bytes(serialization.Encoding.PEM))
    return file


@contextmanager
def tls_server(certificate: Path, newest: ssl.TLSVersion) -> Iterator[str]:
    """Answer one https request with ``ok``, speaking no TLS newer than ``newest``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, newest
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(5)

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(5)
            try:
                with context.wrap_socket(connection, server_side=True) as secure:
                    secure.recv(65_536)
                    secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            except (ssl.SSLError, OSError):
                return

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        thread.join()
        listener.close()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_are_spoken(certificate: Path, newest: ssl.TLSVersion) -> None:
    outbound = Outbound(ca_bundle=str(certificate))
    with tls_server(certificate, newest) as url:
        assert outbound.session().get(url, timeout=5).text == "ok"
    outbound.close()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_tls_1_1_is_refused(certificate: Path) -> None:
    outbound = Outbound(ca_bundle=str(certificate))
    with (
        tls_server(certificate, ssl.TLSVersion.TLSv1_1) as url,
        pytest.raises(requests.exceptions.SSLError, match=r"(?i)version|protocol"),
    ):
        outbound.session().get(url, timeout=5)
    outbound.close()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("verify", [True, False])
def test_an_unknown_certificate_is_refused_whatever_one_caller_says(
    certificate: Path, outbound: Outbound, verify: bool
) -> None:
    with (
        tls_server(certificate, ssl.TLSVersion.TLSv1_3) as url,
        pytest.raises(requests.exceptions.SSLError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        outbound.session().get(url, timeout=5, verify=verify)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_one_session_per_process_made_when_needed(outbound: Outbound) -> None:
    assert outbound._session is None
    sessions = in_threads(16, lambda: id(outbound.session()))
    assert len(set(sessions)) == 1
    mine = id(outbound.session())
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, pickle.dumps(id(outbound.session())))
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        assert pickle.load(answer) != mine  # noqa: S301 - from our own child


def test_the_environment_has_no_say(outbound: Outbound, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("default login someone password stolen\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{unused_port()}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with LoopbackServer(lambda _asked: Reply(200, b"{}")) as server:
        assert outbound.session().get(server.url, timeout=10).status_code == 200
        assert "Authorization" not in server.asked[0].headers


def test_a_proxy_that_was_set_is_used() -> None:
    with LoopbackServer(lambda _asked: Reply(200, b"{}")) as proxy:
        outbound = Outbound(proxies={"http": proxy.url})
        assert outbound.session().get("http://nowhere.invalid/x", timeout=10).status_code == 200
        assert proxy.paths() == ["http://nowhere.invalid/x"]
        outbound.close()


def test_no_cookie_is_kept(outbound: Outbound) -> None:
    with LoopbackServer(lambda _asked: Reply(200, b"{}", {"Set-Cookie": "fpc=1"})) as server:
        for _ in range(2):
            outbound.session().get(server.url, timeout=10)
        assert "Cookie" not in server.asked[1].headers


def test_connections_are_reused_and_closing_is_not_for_ever(outbound: Outbound) -> None:
    with LoopbackServer(lambda _asked: Reply(200, b"{}")) as server:
        before = outbound.session()
        before.get(server.url, timeout=10)
        outbound.close()
        assert outbound.session() is not before
        assert outbound.session().get(server.url, timeout=10).status_code == 200


def test_the_sdks_loggers_stay_silent_at_every_level(outbound: Outbound, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        for name in ("azure.identity._internal.get_token_mixin", "azure.core.pipeline.policies", "msal.application"):
            logging.getLogger(name).critical("an answer with a token")
            logging.getLogger(name).debug("an answer with a token")
    assert caplog.text == ""
