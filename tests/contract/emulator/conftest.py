from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.contract.emulator import worlds
from tests.contract.emulator.clients import Clients
from tests.emulator_process import RunningEmulator, start_emulator


@pytest.fixture(scope="session")
def client_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def client_certificate(client_key: rsa.RSAPrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "backend")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(client_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(client_key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture(scope="module")
def emulator(
    tmp_path_factory: pytest.TempPathFactory, client_certificate: str, client_key: rsa.RSAPrivateKey
) -> Iterator[RunningEmulator]:
    """One emulator per test module, over TLS: official clients insist on it."""
    public = client_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    world = worlds.world(certificate=client_certificate, federated_key=public.decode())
    running = start_emulator(tmp_path_factory.mktemp("emulator"), world, tls=True)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def official_clients(emulator: RunningEmulator) -> Iterator[Clients]:
    with Clients(emulator) as made:
        yield made


@pytest.fixture
def clients(official_clients: Clients) -> Iterator[Clients]:
    """The official clients, signed in as the subscription's owner unless told otherwise; settings are put back."""
    emulator = official_clients.emulator
    before = emulator.control("GET", "settings")
    yield official_clients
    emulator.control("DELETE", "faults")
    emulator.control("PATCH", "settings", before)


@pytest.fixture
def certificate_file(tmp_path: Path, client_certificate: str, client_key: rsa.RSAPrivateKey) -> Path:
    key = client_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "client.pem"
    path.write_bytes(key + client_certificate.encode())
    return path
