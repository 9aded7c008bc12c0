"""The packages of an image, and its bill of materials."""

from __future__ import annotations

import json

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from moorage.scan.packages import Package, locked, packages
from moorage.scan.sbom import sbom
from tests.unit.image_samples import image, layer

DEBIAN = b"Package: zlib1g\nSource: zlib (1:1.3)\nVersion: 1:1.3.dfsg-1\nArchitecture: amd64\nDescription: x\n y\n"
PYTHON = b"Metadata-Version: 2.4\nName: Typing_Extensions\nVersion: 4.16.0\nLicense-Expression: PSF-2.0\n\nText: x\n"
NPM = b'{"name": "@scope/left-pad", "version": "1.0.0", "license": "MIT"}'
FILES = {
    "var/lib/dpkg/status.d/zlib1g": DEBIAN,
    "app/packages/typing_extensions-4.16.0.dist-info/METADATA": PYTHON,
    "app/node_modules/@scope/left-pad/package.json": NPM,
    "app/node_modules/@scope/left-pad/lib/package.json": b'{"type": "module"}',
    "app/node_modules/broken/package.json": b"{",
    "app/package.json": b'{"name": "app", "version": "0"}',
}
FOUND = [
    Package(
        kind="deb",
        name="zlib1g",
        version="1:1.3.dfsg-1",
        source="zlib",
        architecture="amd64",
        path="/var/lib/dpkg/status.d/zlib1g",
    ),
    Package(
        kind="npm",
        name="@scope/left-pad",
        version="1.0.0",
        license="MIT",
        path="/app/node_modules/@scope/left-pad/package.json",
    ),
    Package(
        kind="pypi",
        name="typing-extensions",
        version="4.16.0",
        license="PSF-2.0",
        path="/app/packages/typing_extensions-4.16.0.dist-info/METADATA",
    ),
]


def test_packages_are_read_from_the_records_that_the_image_has() -> None:
    assert packages(image(layer(FILES))) == FOUND


def test_packages_of_a_layer_that_was_removed_are_not_listed() -> None:
    assert packages(image(layer(FILES), layer({".wh.app": b"", "var/.wh.lib": b""}))) == []


def test_a_whole_dpkg_database_is_read_package_by_package() -> None:
    status = DEBIAN + b"\n" + DEBIAN.replace(b"zlib1g", b"zlib1g-dev")
    assert [found.name for found in packages(image(layer({"var/lib/dpkg/status": status})))] == ["zlib1g", "zlib1g-dev"]


def test_a_lock_file_gives_what_is_installed_without_development() -> None:
    lock = {
        "packages": {
            "": {"name": "app", "version": "1.0.0"},
            "node_modules/react": {"version": "19.3.1", "license": "MIT"},
            "node_modules/a/node_modules/@b/c": {"version": "2.0.0"},
            "node_modules/vitest": {"version": "4.0.0", "dev": True},
            "node_modules/@esbuild/win32": {"version": "1.0.0", "optional": True},
        }
    }
    assert [(found.name, found.version, found.path) for found in locked(lock, "lock")] == [
        ("@b/c", "2.0.0", "lock"),
        ("react", "19.3.1", "lock"),
    ]


def test_the_bill_holds_to_its_format_and_names_everything_by_package_url() -> None:
    document = sbom("ghcr.io/acme/web@sha256:" + "a" * 64, "sha256:" + "a" * 64, FOUND)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(document) is None
    bill = json.loads(document)
    assert sorted(entry["purl"] for entry in bill["components"]) == [
        "pkg:deb/debian/zlib1g@1:1.3.dfsg-1?arch=amd64&upstream=zlib",
        "pkg:npm/%40scope/left-pad@1.0.0",
        "pkg:pypi/typing-extensions@4.16.0",
    ]
    assert bill["metadata"]["component"]["name"] == "ghcr.io/acme/web"
    (image_node,) = [entry for entry in bill["dependencies"] if entry["ref"] == "image"]
    assert len(image_node["dependsOn"]) == 3
