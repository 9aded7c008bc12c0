"""Self-signed certificates, made once and then kept as secrets in the stack's state."""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .generated import kept_secret

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pulumi

_KEY_HEADER = "-----BEGIN PRIVATE KEY-----"


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A certificate and its private key, both PEM and secret."""

    certificate: pulumi.Output[str]
    key: pulumi.Output[str]


def self_signed(hosts: Sequence[str], today: dt.date) -> tuple[str, str]:
    """Return a self-signed certificate for `hosts` (names or addresses) and its key as PEM.

    It is valid from the day before `today` until the end of January of the year after next.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0][:64])])
    midnight = dt.datetime.combine(today, dt.time(), dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(midnight - dt.timedelta(days=1))
        .not_valid_after(midnight.replace(year=today.year + 2, month=1, day=31))
        .add_extension(x509.SubjectAlternativeName([_alternative_name(host) for host in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return certificate.public_bytes(pem).decode(), private.decode()


def _alternative_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def generated_certificate(
    name: str, hosts: Sequence[str], opts: pulumi.ResourceOptions, today: dt.date | None = None
) -> Certificate:
    """Return a self-signed certificate for `hosts`; another is made when they change, and once in a calendar year."""
    today = today or dt.datetime.now(dt.UTC).date()
    digest = hashlib.sha256(" ".join(sorted(hosts)).encode()).hexdigest()[:8]
    # The name says what the certificate is for, so another year or host is another resource.
    certificate, key = self_signed(sorted(hosts), today)
    kept = kept_secret(f"{name}-{today.year}-{digest}", certificate + key, opts)
    return Certificate(
        certificate=kept.apply(lambda pem: pem[: pem.index(_KEY_HEADER)]),
        key=kept.apply(lambda pem: pem[pem.index(_KEY_HEADER) :]),
    )
