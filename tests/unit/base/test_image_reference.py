"""Image references are read as Docker reads them."""

from __future__ import annotations

import pytest

from moorage.base.errors import MoorageError
from moorage.base.image_reference import ImageReference, is_loopback, parse_image

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag", "digest"),
    [
        ("ghcr.io/acme/backend:v1", "ghcr.io", "acme/backend", "v1", None),
        ("127.0.0.1:5000/harbour/backend", "127.0.0.1:5000", "harbour/backend", None, None),
        ("localhost/app", "localhost", "app", None, None),
        ("debian", "docker.io", "library/debian", None, None),
        ("docker.io/debian:13", "docker.io", "library/debian", "13", None),
        ("registry-1.docker.io/library/debian", "docker.io", "library/debian", None, None),
        (f"acme/web@{DIGEST}", "docker.io", "acme/web", None, DIGEST),
        (f"r.example:443/a/b/c:1@{DIGEST}", "r.example:443", "a/b/c", "1", DIGEST),
    ],
)
def test_references_are_read_as_docker_reads_them(
    text: str, registry: str, repository: str, tag: str | None, digest: str | None
) -> None:
    found = ImageReference.parse(text)
    assert found == parse_image(text) == ImageReference(registry, repository, tag, digest)
    again = ImageReference.parse(str(found))
    assert (again.path, again.version) == (found.path, found.version)


@pytest.mark.parametrize("text", ["", "backend@sha256:12", "a b", "ghcr.io/x:", f"x@{DIGEST}0", "-x"])
def test_what_is_no_reference_is_an_error_or_something_odd(text: str) -> None:
    with pytest.raises(MoorageError, match="is not an image reference"):
        ImageReference.parse(text)
    assert parse_image(text).registry


def test_the_digest_of_what_a_preview_has_not_built_is_pending() -> None:
    assert parse_image("r.example/app@").pending
    assert not parse_image(f"r.example/app@{DIGEST}").pending
    assert not parse_image("r.example/app").pending


@pytest.mark.parametrize(("registry", "here"), [("127.0.0.1:5000", True), ("localhost", True), ("[::1]:5000", True)])
def test_registries_on_this_machine_are_known(registry: str, here: bool) -> None:
    assert is_loopback(registry) is here
    assert not is_loopback(f"{registry}.example.com")
    assert not is_loopback("ghcr.io")
