"""Certificates made for one test: an authority, and leaf certificates that it has signed."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

_USES_OF_AN_AUTHORITY = x509.KeyUsage(
    key_cert_sign=True, crl_sign=True, digital_signature=False, content_commitment=False, key_encipherment=False,
    data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
)  # fmt: skip


@dataclass(frozen=True)
class Certificate:
    """Certificate and key as PEM files."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates into a folder; ``file`` is its own certificate."""

    def __init__(self, folder: Path, name: str = "test authority") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._name = folder, _named(name)
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        ends = x509.BasicConstraints(ca=True, path_length=None)
        made = _builder(self._name, self._name, self._key.public_key()).add_extension(ends, critical=True)
        made = made.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False
        )
        made = made.add_extension(_USES_OF_AN_AUTHORITY, critical=True)
        self.file = folder / "authority.pem"
        self.file.write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def signed(self, name: str, address: str = "127.0.0.1", days: int = 1) -> Certificate:
        """A certificate for ``localhost`` and an address, with its key; ``days`` below zero: it has expired."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        names = x509.SubjectAlternativeName(
            [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(address))]
        )
        made = _builder(_named(name), self._name, key.public_key()).add_extension(names, critical=False)
        # Without it Python 3.13 trusts no certificate (RFC 5280 4.2.1.1).
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        made = made.add_extension(signer, critical=False)
        found = Certificate(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        if days < 0:
            made._not_valid_before = made._not_valid_after = None
            over = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
            made = made.not_valid_before(over - datetime.timedelta(days=1)).not_valid_after(over)
        signed = made.sign(self._key, hashes.SHA256())
        found.certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        plain = serialization.NoEncryption()
        form = serialization.PrivateFormat.TraditionalOpenSSL
        found.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
        return found


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(subject: x509.Name, issuer: x509.Name, key: rsa.RSAPublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
    )
