"""Which certificate authorities are the machine's own: what an administrator added, in whichever way the system has."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from moorage.base import authorities
from moorage.base.authorities import machine_authorities

if TYPE_CHECKING:
    from pathlib import Path


def certificate(name: str) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


PUBLIC, COMPANY, OTHER = certificate("public"), certificate("company"), certificate("other")


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system's folders below one folder, with one public authority."""
    for name in ("added", "anchors", "public/mozilla"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setattr(authorities, "ADDED", (tmp_path / "added", tmp_path / "anchors", tmp_path / "missing"))
    monkeypatch.setattr(authorities, "BUNDLE", tmp_path / "bundle.crt")
    monkeypatch.setattr(authorities, "PUBLIC", tmp_path / "public")
    (tmp_path / "public" / "mozilla" / "public.crt").write_text(PUBLIC)
    (tmp_path / "bundle.crt").write_text(PUBLIC)
    return tmp_path


def names(text: str) -> list[str]:
    return [made.subject.rfc4514_string() for made in x509.load_pem_x509_certificates(text.encode())]


def test_a_machine_without_authorities_of_its_own_has_none(system: Path) -> None:
    assert machine_authorities() == ""


@pytest.mark.parametrize("place", ["added/company.crt", "added/proxy/company.crt", "anchors/company.pem"])
def test_what_an_administrator_added_is_found_once(system: Path, place: str) -> None:
    (system / place).parent.mkdir(exist_ok=True)
    (system / place).write_text(f"# our proxy\n{COMPANY}")
    (system / "bundle.crt").write_text(PUBLIC + COMPANY)
    assert names(machine_authorities()) == ["CN=company"]


def test_what_was_put_into_the_bundle_by_hand_is_found_too(system: Path) -> None:
    (system / "bundle.crt").write_text(f"{PUBLIC}\n# added by hand\n{COMPANY}{OTHER}".replace("\n", "\r\n"))
    assert names(machine_authorities()) == ["CN=company", "CN=other"]


def test_where_the_public_ones_are_not_told_apart_the_bundle_is_left_alone(system: Path) -> None:
    (system / "public" / "mozilla" / "public.crt").unlink()
    (system / "bundle.crt").write_text(PUBLIC + COMPANY)
    (system / "anchors" / "other.pem").write_text(OTHER)
    assert names(machine_authorities()) == ["CN=other"]


def test_a_private_key_beside_a_certificate_stays_where_it_is(system: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (system / "added" / "company.crt").write_bytes(key + COMPANY.encode())
    (system / "added" / "readme").write_bytes(b"\xff\xfe no text")
    assert "PRIVATE" not in machine_authorities()
    assert names(machine_authorities()) == ["CN=company"]
