"""Behind a TLS proxy whose authority only the system's store knows, with nothing set in the environment.

A real TLS server of a made-up authority serves pip, uv and Go; the system's store of a mount namespace knows it or not.
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import http.server
import os
import shutil
import ssl
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from moorage.engine.unresolved import unresolved
from tests.support.stack import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

STORE = Path("/etc/ssl/certs/ca-certificates.crt")
UV = ROOT / ".moorage" / "bin" / "uv"
PROJECT = """
[project]
name = "checkout"
version = "0"
requires-python = ">=3.11"
dependencies = ["greeting==1.0"]
[[tool.uv.index]]
url = "{index}"
default = true
"""
BUILD = """
import sys
from pathlib import Path
from moorage.base.errors import MoorageError
from moorage.platform import pins
from moorage.platform.toolchain_builder import ToolchainBuilder
try:
    print(ToolchainBuilder().build([pins._read(Path(sys.argv[1]))]), "built")
except MoorageError as error:
    sys.exit(str(error))
"""


class Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


def certificate(
    name: str, issuer: str, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=name == issuer, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return builder.sign(signer, hashes.SHA256())


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The folder of a server behind the company's authority, which lies in ``company.pem``, and its address."""
    folder = tmp_path_factory.mktemp("company")
    (folder / "served").mkdir()
    authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    (folder / "company.pem").write_bytes(pem(certificate("company", "company", authority, authority)))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(private + pem(certificate("localhost", "company", key, authority)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    handler = functools.partial(Files, directory=str(folder / "served"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"https://localhost:{server.server_port}"
        server.shutdown()


def serve_wheel(served: Path, name: str, version: str, files: dict[str, bytes]) -> None:
    """Put a wheel into the simple index below ``served``."""
    info = f"{name}-{version}.dist-info"
    metadata = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    contents = files | metadata
    record = "".join(f"{path},,\n" for path in (*contents, f"{info}/RECORD")).encode()
    folder = served / "simple" / name
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, content in (contents | {f"{info}/RECORD": record}).items():
            entry = zipfile.ZipInfo(path, (2024, 1, 1, 0, 0, 0))
            entry.external_attr = 0o100755 << 16
            archive.writestr(entry, content)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (folder / "index.html").write_text(f'<a href="{wheel.name}#sha256={digest}">{wheel.name}</a>')


def run(folder: Path, command: list[str], *, trusted: bool, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command with almost no environment, in a namespace whose system store knows the company or not."""
    store = folder / ("trusted.pem" if trusted else "untrusted.pem")
    store.write_bytes(
        (STORE.read_bytes() + b"\n" if STORE.exists() else b"")
        + ((folder / "company.pem").read_bytes() if trusted else b"")
    )
    namespace = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    script = 'mount --bind "$0" "$1" && shift && exec "$@"'
    home = folder / "home"
    home.mkdir(exist_ok=True)
    environment = {
        "HOME": str(home),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PIP_CONFIG_FILE": "/dev/null",
    } | variables
    return subprocess.run(
        [*namespace, "sh", "-c", script, str(store), str(STORE), *command],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture
def checkout(company: tuple[Path, str], tmp_path: Path) -> Path:
    """A checkout that is locked to the company's index, which has the pinned uv as well."""
    folder, address = company
    script = tmp_path / "moorage" / "platform" / "bootstrap"
    script.parent.mkdir(parents=True)
    shutil.copy(ROOT / "moorage" / "platform" / "bootstrap", script)
    version = next(line for line in script.read_text().splitlines() if line.startswith("uv_version=")).partition("=")[2]
    serve_wheel(folder / "served", "greeting", "1.0", {"greeting.py": b"TEXT = 'hello'\n"})
    serve_wheel(folder / "served", "uv", version, {f"uv-{version}.data/scripts/uv": UV.resolve().read_bytes()})
    (tmp_path / "pyproject.toml").write_text(PROJECT.format(index=f"{address}/simple"))
    known = {"SSL_CERT_FILE": str(folder / "company.pem"), "UV_CACHE_DIR": str(tmp_path / "lock-cache")}
    lock = [str(UV), "lock", "--quiet", "--python", sys.executable]
    subprocess.run(lock, cwd=tmp_path, env=os.environ | known, check=True)
    return tmp_path


@pytest.mark.parametrize("trusted", [True, False])
def test_the_first_step_trusts_what_the_system_trusts(
    company: tuple[Path, str], checkout: Path, *, trusted: bool
) -> None:
    folder, address = company
    settings = {
        "PIP_INDEX_URL": f"{address}/simple",
        "PIP_RETRIES": "0",
        "UV_HTTP_RETRIES": "0",
        "XDG_CACHE_HOME": str(checkout / "cache"),
    }
    result = run(folder, ["sh", str(checkout / "moorage/platform/bootstrap")], trusted=trusted, **settings)
    said = result.stdout + result.stderr
    if trusted:
        assert result.returncode == 0, said
        python = checkout / ".venv" / "bin" / "python"
        assert subprocess.run([python, "-c", "import greeting"], check=False).returncode == 0
    else:
        assert result.returncode == 1
        assert "an authority that this system does not trust" in said
        assert "update-ca-certificates" in said


def test_uv_that_cannot_verify_names_the_certificate(company: tuple[Path, str], checkout: Path) -> None:
    folder, _ = company
    path = f"{UV.resolve().parent}:/usr/bin:/bin"
    settings = {"UV_HTTP_RETRIES": "0", "UV_CACHE_DIR": str(checkout / "cache"), "PATH": path}
    command = ["sh", str(checkout / "moorage/platform/bootstrap")]
    result = run(folder, command, trusted=False, **settings)
    assert result.returncode == 1
    assert "the Python environment could not be made" in result.stderr
    assert "an authority that this system does not trust" in result.stderr
    assert run(folder, command, trusted=True, **settings).returncode == 0


@pytest.mark.parametrize("trusted", [True, False])
def test_go_trusts_what_the_system_trusts_and_else_names_the_certificate(
    company: tuple[Path, str], tmp_path: Path, *, trusted: bool
) -> None:
    folder, address = company
    module = folder / "served" / "go" / "example.test" / "greeting" / "@v"
    module.mkdir(parents=True, exist_ok=True)
    (module / "v1.0.0.info").write_text('{"Version":"v1.0.0"}')
    (module / "v1.0.0.mod").write_text("module example.test/greeting\n\ngo 1.21\n")
    with zipfile.ZipFile(module / "v1.0.0.zip", "w") as archive:
        archive.writestr("example.test/greeting@v1.0.0/go.mod", "module example.test/greeting\n\ngo 1.21\n")
        archive.writestr("example.test/greeting@v1.0.0/greeting.go", 'package greeting\n\nconst Text = "hello"\n')
    source = tmp_path / "hello"
    source.mkdir()
    (source / "go.mod").write_text("module example.test/hello\n\ngo 1.21\n\nrequire example.test/greeting v1.0.0\n")
    (source / "main.go").write_text(
        'package main\n\nimport "example.test/greeting"\n\nfunc main() { println(greeting.Text) }\n'
    )
    (source / "component.toml").write_text('version = "1.0"\ngroup = "test"\nweight = 0.001\nbinaries.hello = "."\n')
    tidy = {"GOFLAGS": "-mod=mod", "GOPROXY": f"file://{folder / 'served' / 'go'}", "GONOSUMDB": "*"}
    tidy["GOMODCACHE"] = str(tmp_path / "mod")
    tidy["GOFLAGS"] += " -modcacherw"
    subprocess.run(["go", "mod", "tidy"], cwd=source, env=os.environ | tidy, check=True, capture_output=True)
    settings = {
        "PATH": os.environ["PATH"],
        "MOORAGE_CACHE": str(tmp_path / "cache"),
        "PYTHONPATH": str(ROOT),
        "GOPROXY": f"{address}/go",
        "GONOSUMDB": "*",
    }
    result = run(folder, [sys.executable, "-c", BUILD, str(source)], trusted=trusted, **settings)
    if trusted:
        assert "1 built" in result.stdout, result.stderr
    else:
        assert "an authority that this system does not trust" in result.stderr
        assert "update-ca-certificates" in result.stderr


def downloads(folder: Path, address: str) -> dict[str, list[str]]:
    """What builds run to install a package."""
    npm = [
        "npm",
        "install",
        "greeting@1.0.0",
        "--fetch-retries=0",
        "--no-audit",
        "--no-fund",
        f"--registry={address}",
    ]
    pip = ["python3", "-m", "pip", "install", "--no-deps", "--retries", "0", f"--index-url={address}/simple"]
    uv = [
        str(UV),
        "pip",
        "install",
        "--no-deps",
        f"--default-index={address}/simple",
        f"--cache-dir={folder / 'cache'}",
    ]
    return {
        "npm": [*npm, f"--prefix={folder / 'npm'}", f"--cache={folder / 'npm-cache'}"],
        "pip": [*pip, f"--target={folder / 'pip'}", "greeting==1.0"],
        "uv": [*uv, f"--target={folder / 'uv'}", "greeting==1.0"],
    }


@pytest.mark.parametrize("tool", ["npm", "pip", "uv"])
def test_a_download_in_a_build_that_meets_an_unknown_authority_is_told_with_that_cause(
    company: tuple[Path, str], tmp_path: Path, tool: str
) -> None:
    folder, address = company
    serve_wheel(folder / "served", "greeting", "1.0", {"greeting.py": b"TEXT = 'hello'\n"})
    result = run(folder, downloads(tmp_path, address)[tool], trusted=False, UV_HTTP_RETRIES="0")
    assert result.returncode != 0
    told = unresolved((result.stdout + result.stderr).splitlines())
    assert told is not None, result.stderr
    assert told.package == "greeting"
    assert "an authority that the build does not trust" in told.why
    assert "buildSecrets.ca" in told.check
