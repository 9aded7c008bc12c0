"""A secret that went into an image by any way is found, in whatever form; one that was only mounted is in no blob."""

from __future__ import annotations

import base64
import gzip
import io
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moorage.scan.finding import Expectation
from tests.properties.batch import BATCHED
from tests.properties.built_images import USER, Node, Recipe, build, built_together, forget, run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.properties.built_images import Outcome
    from tests.support.workbench import Workbench

NAME = "property-32"
_SECRET = "the-secret"


def _zip(value: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("settings/token", b"token: " + value)
    return file.getvalue()


FORMS: dict[str, Callable[[bytes, bytes], bytes]] = {
    "plain": lambda value, before: before + value + b"\n",
    "base64": lambda value, before: base64.b64encode(before + value),
    "base64 in lines": lambda value, before: base64.encodebytes(before * 30 + value * 3),
    "base64 for URLs": lambda value, before: base64.urlsafe_b64encode(before + value + b"?"),
    "hexadecimal": lambda value, before: before + value.hex().encode(),
    "gzip": lambda value, before: gzip.compress(before + value),
    "zip": lambda value, _: _zip(value),
    "base64 in gzip": lambda value, before: gzip.compress(base64.b64encode(before + value)),
    "gzip in gzip": lambda value, before: gzip.compress(gzip.compress(before + value)),
}
"""Ways to write a value that something stands before."""
_MOUNT = f"--mount=type=secret,id={_SECRET},target=/.secret"
WAYS = (
    "nowhere",
    "mounted only",
    "file",
    "removed file",
    "mounted and copied",
    "build arg",
    "variable",
    "label",
    "name",
)


@dataclass(frozen=True, kw_only=True)
class Leak:
    """A secret and the way on which it goes into an image, or does not."""

    value: str
    before: bytes
    form: str
    way: str

    @property
    def leaks(self) -> bool:
        """Whether the value ends up in the image."""
        return self.way not in {"nowhere", "mounted only"}

    def recipe(self) -> Recipe:
        """Return how the image is built."""
        written = FORMS[self.form](self.value.encode(), self.before)
        files = [Node(path="/app/settings", content=b"harmless: true\n")]
        removed = [Node(path="/app/token", content=written)]
        path = [Node(path=f"/app/{self.value}")]
        quoted = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
        instructions = {
            "mounted only": [run("cksum", "/.secret", options=_MOUNT)],
            "removed file": [run("rm", "/app/token")],
            "mounted and copied": [run("cp", "/.secret", "/app/copy", options=_MOUNT)],
            "build arg": ["ARG TOKEN", run("true")],
            "variable": [f'ENV SETTING="{quoted}"'],
            "label": [f'LABEL maintainer="{quoted}"'],
        }
        layers = {"file": [removed], "removed file": [files, removed], "name": [files, path]}
        return Recipe(
            layers=layers.get(self.way, [files]),
            instructions=instructions.get(self.way, ()),
            secrets={_SECRET: self.value.encode()} if self.way.startswith("mounted") else {},
            args={"TOKEN": self.value} if self.way == "build arg" else {},
            expectation=Expectation(user=USER, port=8000, secrets={_SECRET: self.value.encode()}),
        )


@st.composite
def leaks(draw: st.DrawFn) -> Leak:
    """Draw a secret of the kind that generators make, or that people do, and its way."""
    way = draw(st.sampled_from(WAYS))
    characters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
    if way not in {"name", "build arg"}:
        characters += "+/=!%&'\"()*,.:;<>?@[]^{|}~$"
    return Leak(
        value=draw(st.text(alphabet=characters, min_size=10, max_size=40).filter(lambda text: len(set(text)) > 5)),
        before=draw(st.binary(max_size=4)),
        form=draw(st.sampled_from(sorted(FORMS))),
        way=way,
    )


@dataclass(frozen=True, kw_only=True)
class Searched:
    """What the check said, and in how many of the image's blobs the plain value is: counted without its help."""

    outcome: Outcome
    plain: int


def build_all(bench: Workbench, examples: Sequence[Leak]) -> list[Searched]:
    """Build all examples, check them, and look for the plain values in what the registry stores."""
    try:
        outcomes = build(bench, [example.recipe() for example in examples], NAME)
        return [
            Searched(outcome=outcome, plain=_plain(bench, number, example.value.encode()))
            for number, (example, outcome) in enumerate(zip(examples, outcomes, strict=True))
        ]
    finally:
        forget(bench, NAME)


def _plain(bench: Workbench, number: int, value: bytes) -> int:
    """Return in how many blobs of an image (layers unpacked, config) the value stands as it is."""
    manifest = bench.get(f"{NAME}/manifests/e{number}", accept="application/vnd.oci.image.manifest.v1+json").json()
    blobs = [bench.get(f"{NAME}/blobs/{part['digest']}").content for part in (manifest["config"], *manifest["layers"])]
    return sum(value in (gzip.decompress(blob) if blob.startswith(b"\x1f\x8b") else blob) for blob in blobs)


# Feature: optimized-container-infrastructure, Property 32: For any final production image, build-time secrets (API
# keys, tokens, passwords) should not be present in any layer.
@pytest.mark.property_test
@built_together(build_all)
@settings(BATCHED, max_examples=120)
@given(example=leaks())
def test_a_secret_is_found_by_whatever_way_it_came_in_and_a_mounted_one_left_no_trace(
    example: Leak, outcome: Searched
) -> None:
    found = [finding for finding in outcome.outcome.findings if finding.rule == "no-secrets" and _SECRET in finding.why]
    assert bool(found) == example.leaks
    assert example.value not in repr(found).replace(f"/app/{example.value}", "")
    if not example.leaks:
        assert outcome.plain == 0
