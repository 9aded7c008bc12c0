"""What is said of images that are made for it, layer by layer."""

from __future__ import annotations

import base64
import gzip
import io
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from moorage.scan.check import judge
from moorage.scan.finding import Expectation
from tests.unit.image_samples import image, layer

if TYPE_CHECKING:
    from moorage.scan.image import Image

RUN = (b"#!/app/run\n", 0o755)
SECRET = b"correct-horse/battery+staple"
DECLARED = Expectation(user=10001, port=8000)


def rules(checked: Image, expectation: Expectation = DECLARED) -> set[tuple[str, str]]:
    return {(finding.rule, finding.path) for finding in judge(checked, expectation)}


def test_an_image_with_nothing_wrong_has_no_findings() -> None:
    assert rules(image(layer({"app/data.txt": b"x", "tmp/": 0o1777}))) == set()


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("usr/bin/gcc-14", "no-compilers"),
        ("usr/bin/x86_64-linux-gnu-ld.bfd", "no-compilers"),
        ("usr/bin/pip3.13", "no-package-managers"),
        ("usr/bin/dpkg", "no-package-managers"),
        ("usr/local/bin/npm", "no-package-managers"),
        ("usr/bin/busybox", "no-shells"),
    ],
)
def test_programs_of_a_build_are_found(path: str, rule: str) -> None:
    assert rules(image(layer({path: RUN}))) == {(rule, f"/{path}")}


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("usr/lib/python3/dist-packages/pip/__init__.py", "no-package-managers"),
        ("app/packages/pip-25.1.dist-info/METADATA", "no-package-managers"),
        ("app/packages/pytest/__init__.py", "no-development-packages"),
        ("app/node_modules/typescript/package.json", "no-development-packages"),
        ("var/lib/apt/lists/deb.debian.org_dists", "no-caches"),
        ("root/.cache/uv/x", "no-caches"),
        ("root/.npm/_cacache/index", "no-caches"),
        ("tmp/left", "no-temporary-files"),
        ("app/main.py~", "no-temporary-files"),
        ("app/native.o", "no-build-artifacts"),
        ("app/.git/HEAD", "no-build-artifacts"),
        ("app/tests/helper.py", "no-tests"),
        ("app/test_main.py", "no-tests"),
        ("app/page.test.tsx", "no-tests"),
    ],
)
def test_files_without_use_at_run_time_are_found(path: str, rule: str) -> None:
    assert rules(image(layer({path: b"x"}))) == {(rule, f"/{path}")}


@pytest.mark.parametrize(
    "path",
    [
        "usr/share/doc/apt/copyright",
        "app/shells.txt",
        "app/latest/data.json",
        "usr/lib/python3.13/unittest/case.py",
        "app/contest.py",
        "var/lib/dpkg/status.d/libc6",
        "app/assets/index-DkX.js",
        "app/packages/typing_extensions.py",
    ],
)
def test_names_that_only_resemble_such_are_left_alone(path: str) -> None:
    assert rules(image(layer({path: b"x"}))) == set()


def test_a_shell_may_be_there_where_it_is_declared() -> None:
    sample = image(layer({"usr/bin/dash": RUN, "usr/bin/sh": "dash"}))
    assert rules(sample) == {("no-shells", "/usr/bin/dash"), ("no-shells", "/usr/bin/sh")}
    assert rules(sample, Expectation(user=10001, port=8000, shell=True)) == set()


def test_what_a_later_layer_removes_is_not_in_the_image() -> None:
    upper = layer({"usr/bin/.wh.gcc": b"", "root/.wh..wh..opq": b"", "etc": (b"", 0o644)})
    lower = layer({"usr/bin/gcc": RUN, "root/.cache/x": b"x", "etc/": 0o755, "etc/old.bak": b"x"})
    sample = image(lower, upper)
    assert rules(sample) == set()
    assert "/usr/bin" in sample.files
    assert "/etc/old.bak" not in sample.files


def test_an_opaque_folder_keeps_what_its_own_layer_adds() -> None:
    sample = image(
        layer({"srv/": 0o755, "srv/old": b"x"}), layer({"srv/": 0o755, "srv/.wh..wh..opq": b"", "srv/new": b""})
    )
    assert {path for path in sample.files if path.startswith("/srv/")} == {"/srv/new"}


@pytest.mark.parametrize(
    ("members", "rule", "path"),
    [
        ({"app/su": (b"\x7fELF", 0o4755)}, "no-setuid", "/app/su"),
        ({"app/shared/": 0o2755}, "no-setuid", "/app/shared"),
        ({"app/a": (b"x", 0o646)}, "no-shared-writes", "/app/a"),
        ({"app/a": (b"x", 0o664)}, "no-shared-writes", "/app/a"),
        ({"app/open/": 0o1777}, "no-shared-writes", "/app/open"),
        ({"tmp/": 0o777}, "no-shared-writes", "/tmp"),
        ({"app/a.json": (b"{}", 0o755)}, "no-needless-execution", "/app/a.json"),
    ],
)
def test_rights_that_nobody_needs_are_found(members: dict[str, Any], rule: str, path: str) -> None:
    found = rules(image(layer(members)))
    assert (rule, path) in found
    assert found <= {(rule, path), ("require-libraries", path)}


def test_files_of_the_process_are_allowed_in_declared_folders_only() -> None:
    sample = image(layer({"data/": 0o750, "data/x": b"x"}, uid=10001, gid=10001))
    assert rules(sample) == {("no-writes-at-run-time", "/data"), ("no-writes-at-run-time", "/data/x")}
    declared = Expectation(user=10001, port=8000, writable_paths=("/data",))
    assert rules(sample, declared) == set()


@pytest.mark.parametrize(
    ("settings", "rule"),
    [
        ({"User": ""}, "require-non-root-user"),
        ({"User": "app"}, "require-non-root-user"),
        ({"User": "0:0"}, "require-non-root-user"),
        ({"User": "10001"}, "require-non-root-user"),
        ({"User": "10002:10002"}, "require-non-root-user"),
        ({"Labels": None}, "require-labels"),
        ({"StopSignal": ""}, "require-stop-signal"),
        ({"ExposedPorts": {}}, "match-port"),
        ({"ExposedPorts": {"8000/tcp": {}, "9000/tcp": {}}}, "match-port"),
        ({"Entrypoint": ["/bin/sh", "-c", "run"]}, "require-entrypoint"),
        ({"Entrypoint": [], "Cmd": []}, "require-entrypoint"),
        ({"Entrypoint": ["/app/gone"]}, "require-entrypoint"),
        ({"Env": ["API_TOKEN=x"]}, "no-secrets"),
    ],
)
def test_settings_that_break_a_rule_are_found(settings: dict[str, Any], rule: str) -> None:
    assert {found for found, _ in rules(image(**settings))} == {rule}


def test_a_worker_exposes_no_port_and_a_size_has_its_limit() -> None:
    assert rules(image(), Expectation(listens=False)) == {("match-port", "")}
    assert rules(image(), Expectation(unpacked_bytes=1000)) == {("keep-size", "")}


def zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner", content)
    return file.getvalue()


FORMS = {
    "plain": SECRET,
    "inside a line": b"token=" + SECRET + b"\n",
    "base64": base64.b64encode(SECRET),
    "base64, one before": base64.b64encode(b"x" + SECRET + b"tail"),
    "base64, two before": base64.urlsafe_b64encode(b"xx" + SECRET),
    "base64, wrapped": base64.encodebytes(b"user:" * 20 + SECRET * 2),
    "hexadecimal": SECRET.hex().encode(),
    "URL": b"https://user:correct-horse%2Fbattery%2Bstaple@host/",
    "gzip": gzip.compress(b"a" + SECRET),
    "gzip of base64": gzip.compress(base64.b64encode(SECRET)),
    "zip in gzip": gzip.compress(zipped(SECRET)),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_found_in_every_form_and_never_shown(form: str) -> None:
    looked_for = Expectation(user=10001, port=8000, secrets={"index": SECRET})
    sample = image(layer({"app/data.bin": FORMS[form]}))
    findings = judge(sample, looked_for)
    assert {(finding.rule, finding.path) for finding in findings} == {("no-secrets", "/app/data.bin")}
    assert SECRET.decode() not in repr(findings)
    assert SECRET.decode() not in repr(looked_for)


def test_a_secret_is_found_where_a_later_layer_removed_it_and_in_the_history() -> None:
    looked_for = Expectation(user=10001, port=8000, secrets={"index": SECRET})
    hidden = image(layer({"root/netrc.txt": SECRET}), layer({"root/.wh.netrc.txt": b""}))
    assert rules(hidden, looked_for) == {("no-secrets", "/root/netrc.txt")}
    assert rules(image(history=f"RUN |1 TOKEN={SECRET.decode()}"), looked_for) == {("no-secrets", "")}
    assert rules(image(layer({"app/x": b"innocent"})), looked_for) == set()


def test_credentials_are_found_by_what_they_look_like() -> None:
    key = b"-----BEGIN PRIVATE KEY-----\n" + base64.b64encode(b"k" * 60) + b"\n-----END PRIVATE KEY-----\n"
    sample = image(layer({"app/tls.key": key, "app/.env": b"A=1", "app/.npmrc": b"//npm/:_authToken=abc\n"}))
    assert {path for rule, path in rules(sample) if rule == "no-credential-files"} == {
        "/app/tls.key",
        "/app/.env",
        "/app/.npmrc",
    }


def test_bytecode_that_was_compiled_elsewhere_is_found() -> None:
    def bytecode(path: str) -> bytes:
        return b"\xf3\r\r\n" + b"\0" * 12 + b"\xda" + bytes([len(path)]) + path.encode() + b"\xda\x08<module>"

    here, elsewhere = bytecode("/app/main.py"), bytecode("/build/src/main.py")
    assert rules(image(layer({"app/__pycache__/main.cpython-313.pyc": here}))) == set()
    assert rules(image(layer({"app/__pycache__/main.cpython-313.pyc": elsewhere}))) == {
        ("no-foreign-bytecode", "/app/__pycache__/main.cpython-313.pyc")
    }


def test_links_lead_through_folders_and_never_in_circles() -> None:
    sample = image(layer({"bin": "usr/bin", "usr/bin/x": RUN, "a": "b", "b": "a", "usr/bin/y": "../../bin/x"}))
    assert sample.resolve("/bin/y") == sample.files["/usr/bin/x"]
    assert sample.resolve("/a") is None
    assert sample.resolve("/nowhere/x") is None
