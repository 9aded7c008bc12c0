"""Keys and certificates of the control plane: two authorities, one certificate an identity, kubeconfigs.

Everything is kept and used again; what is about to expire, or names other addresses than today's, is made again.
"""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from moorage.base.files import write_atomic
from moorage.platform.layout import API_SERVICE_ADDRESS, CLUSTER_DOMAIN, CONTEXT, NODE_ADDRESS, NODE_NAME, Layout

if TYPE_CHECKING:
    from pathlib import Path

LIFETIME = dt.timedelta(days=365 * 5)
RENEW_BEFORE = dt.timedelta(days=30)
_CLOCK_SKEW = dt.timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """One certificate: its file name, subject, and the names a server answers to (none for a client)."""

    name: str
    common_name: str
    organization: str | None = None
    names: tuple[str, ...] = ()
    authority: str = "ca"


_API_NAMES = (
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    f"kubernetes.default.svc.{CLUSTER_DOMAIN}",
    API_SERVICE_ADDRESS,
    NODE_ADDRESS,
    "127.0.0.1",
)
IDENTITIES = (
    Identity(name="apiserver", common_name="kube-apiserver", names=_API_NAMES),
    Identity(
        name="apiserver-kubelet-client", common_name="kube-apiserver-kubelet-client", organization="system:masters"
    ),
    Identity(name="admin", common_name="moorage-admin", organization="system:masters"),
    Identity(name="controller-manager", common_name="system:kube-controller-manager"),
    Identity(name="scheduler", common_name="system:kube-scheduler"),
    Identity(name="kubelet", common_name=f"system:node:{NODE_NAME}", organization="system:nodes"),
    Identity(name="kubelet-serving", common_name=f"system:node:{NODE_NAME}", names=(NODE_NAME, NODE_ADDRESS)),
    Identity(name="kube-proxy", common_name="system:kube-proxy"),
    Identity(name="kube-router", common_name="moorage:kube-router"),
    Identity(
        name="metrics-server",
        common_name="metrics-server",
        names=("metrics-server.kube-system.svc", f"metrics-server.kube-system.svc.{CLUSTER_DOMAIN}"),
    ),
    Identity(name="etcd", common_name="etcd", names=(NODE_ADDRESS, "127.0.0.1"), authority="etcd-ca"),
    Identity(name="apiserver-etcd-client", common_name="kube-apiserver", authority="etcd-ca"),
    Identity(name="front-proxy-client", common_name="front-proxy-client", authority="front-proxy-ca"),
)
KUBECONFIGS = ("controller-manager", "scheduler", "kubelet", "kube-proxy", "kube-router")


class Pki:
    """The files below one folder."""

    def __init__(self, layout: Layout) -> None:
        """Keep everything below the layout's pki folder, readable by its owner alone."""
        self.layout = layout
        self.folder = layout.pki

    def certificate(self, name: str) -> str:
        """Return the path of a certificate."""
        return str(self.folder / f"{name}.crt")

    def key(self, name: str) -> str:
        """Return the path of a private key."""
        return str(self.folder / f"{name}.key")

    def text(self, file: str) -> str:
        """Return the base64 of a file's content, as kubeconfigs and Secrets hold it."""
        return base64.b64encode((self.folder / file).read_bytes()).decode()

    def ensure(self) -> None:
        """Make what is missing, stale or about to expire."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        for name in ("ca", "etcd-ca", "front-proxy-ca"):
            if not self._current(name, ()):
                self._make_authority(name)
        for identity in IDENTITIES:
            if not self._current(identity.name, identity.names, identity.authority):
                self._make(identity)
        if not (self.folder / "service-account.key").exists():
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            _write(self.folder / "service-account.key", _private(key))
            public = key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            _write(self.folder / "service-account.pub", public)
        for name in KUBECONFIGS:
            self._write_kubeconfig(self.folder / f"{name}.kubeconfig", name)
        self._write_kubeconfig(self.layout.kubeconfig, "admin")

    def _current(self, name: str, names: tuple[str, ...], authority: str | None = None) -> bool:
        path = self.folder / f"{name}.crt"
        if not path.exists() or not (self.folder / f"{name}.key").exists():
            return False
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        if certificate.not_valid_after_utc < dt.datetime.now(dt.UTC) + RENEW_BEFORE:
            return False
        if authority is not None:
            issuer = x509.load_pem_x509_certificate((self.folder / f"{authority}.crt").read_bytes())
            try:
                certificate.verify_directly_issued_by(issuer)
            except Exception:  # noqa: BLE001 - any failed check means the same: not by today's authority
                return False
        return not names or _names_of(certificate) == set(names)

    def _make_authority(self, name: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"moorage {name}")])
        builder = _builder(subject, subject, key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_usage(authority=True), critical=True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        self._store(name, builder.sign(key, hashes.SHA256()), key)

    def _make(self, identity: Identity) -> None:
        authority = x509.load_pem_x509_certificate((self.folder / f"{identity.authority}.crt").read_bytes())
        signer = serialization.load_pem_private_key((self.folder / f"{identity.authority}.key").read_bytes(), None)
        if not isinstance(signer, ec.EllipticCurvePrivateKey):
            raise TypeError(identity.authority)
        key = ec.generate_private_key(ec.SECP256R1())
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, identity.common_name)]
        if identity.organization:
            attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, identity.organization))
        builder = _builder(x509.Name(attributes), authority.subject, key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(authority=False), critical=True)
        uses = [ExtendedKeyUsageOID.CLIENT_AUTH]
        if identity.names:
            uses.append(ExtendedKeyUsageOID.SERVER_AUTH)
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_general_name(name) for name in identity.names]), critical=False
            )
        builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        self._store(identity.name, builder.sign(signer, hashes.SHA256()), key)

    def _store(self, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        _write(self.folder / f"{name}.key", _private(key))
        _write(self.folder / f"{name}.crt", certificate.public_bytes(serialization.Encoding.PEM))

    def _write_kubeconfig(self, path: Path, identity: str) -> None:
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": CONTEXT,
            "clusters": [
                {
                    "name": CONTEXT,
                    "cluster": {"server": self.layout.api_url, "certificate-authority-data": self.text("ca.crt")},
                }
            ],
            "users": [
                {
                    "name": identity,
                    "user": {
                        "client-certificate-data": self.text(f"{identity}.crt"),
                        "client-key-data": self.text(f"{identity}.key"),
                    },
                }
            ],
            "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": identity}}],
        }
        _write(path, json.dumps(content, indent=2).encode())


def _builder(subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + LIFETIME)
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _names_of(certificate: x509.Certificate) -> set[str]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(names.get_values_for_type(x509.DNSName)) | {
        str(address) for address in names.get_values_for_type(x509.IPAddress)
    }


def _private(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes) -> None:
    if not path.exists() or path.read_bytes() != content:
        write_atomic(path, content, mode=0o600)
