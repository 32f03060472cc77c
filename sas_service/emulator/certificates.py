"""RSA keys and self-signed certificates: for Entra's token signing and for the emulator's own TLS."""

import ipaddress
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

_YEARS = timedelta(days=3650)
_HOSTS = (
    "localhost",
    "login.microsoftonline.com",
    "management.azure.com",
    "atlas.microsoft.com",
    "us.atlas.microsoft.com",
    "eu.atlas.microsoft.com",
    "*.vault.azure.net",
)


def new_key() -> rsa.RSAPrivateKey:
    """Return a fresh RSA key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_pem(key: rsa.RSAPrivateKey) -> str:
    """Return a private key as PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def self_signed(key: rsa.RSAPrivateKey, name: str, alternatives: list[x509.GeneralName]) -> x509.Certificate:
    """Return a certificate that vouches for itself."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _YEARS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    )
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return builder.sign(key, hashes.SHA256())


def certificate_pem(certificate: x509.Certificate) -> str:
    """Return a certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def tls_files(folder: Path, host: str) -> tuple[Path, Path]:
    """Return (certificate, key) for the emulator's own TLS, made once; clients trust the certificate file."""
    certificate_file, key_file = folder / "emulator.pem", folder / "emulator.key"
    if not (certificate_file.exists() and key_file.exists()):
        folder.mkdir(parents=True, exist_ok=True)
        key = new_key()
        certificate = self_signed(key, "Azure Maps emulator", _alternatives(host))
        _write_private(key_file, private_pem(key))
        certificate_file.write_text(certificate_pem(certificate))
    return certificate_file, key_file


def _alternatives(host: str) -> list[x509.GeneralName]:
    addresses = {"127.0.0.1", "::1"}
    names = set(_HOSTS)
    try:
        addresses.add(str(ipaddress.ip_address(host)))
    except ValueError:
        names.add(host)
    return [
        *(x509.DNSName(name) for name in sorted(names)),
        *(x509.IPAddress(ipaddress.ip_address(address)) for address in sorted(addresses)),
    ]


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
