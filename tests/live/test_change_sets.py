"""What each kind of change rebuilds and redeploys, and that it was told before, on a stack and a checkout of its own."""

from __future__ import annotations

import datetime as dt
import json
import re
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
import yaml

from moorage.policy.image_configs import ConfigReader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.support.checkout import Checkout

pytestmark = pytest.mark.live

SERVICES = ("backend", "worker", "frontend")


@dataclass(frozen=True, kw_only=True)
class Told:
    """All that is told of a service beforehand."""

    rebuilt: bool = True
    differences: tuple[str, ...]
    """Of its image, or where that stays as it is, of its workload."""
    ways: tuple[tuple[str, ...], ...]
    """From what changed to the workload."""

    @property
    def lines(self) -> list[str]:
        """What ``moorage why`` lists: what is not rebuilt has no way that its differences do not tell."""
        return [*self.differences, *(" → ".join(way) for way in self.ways if self.rebuilt)]


def file(path: str, name: str, *, how: str = "changed", through: tuple[str, ...] = ()) -> Told:
    """Return what is told of a service for one changed file in its image."""
    way = (path, *through, f"apps/{name}", f"image {name}", f"Deployment {name}")
    return Told(differences=(f"{path} {how}",), ways=(way,))


@dataclass(frozen=True, kw_only=True)
class Change:
    """Edits of different kinds at once, and what each is to do."""

    name: str
    edits: tuple[Callable[[Path], object], ...]
    told: Mapping[str, Told] = field(default_factory=dict)
    """By service; those that are not in it are told to be as they were."""
    bases: frozenset[str] = frozenset()
    """Base images that are built anew."""
    same: frozenset[str] = frozenset()
    """Services whose new image is the old one byte by byte, and which therefore are not redeployed."""

    @property
    def rebuilt(self) -> set[str]:
        """The services whose images are built anew."""
        return {name for name, told in self.told.items() if told.rebuilt}

    @property
    def rolled(self) -> set[str]:
        """The services whose pods are replaced."""
        return self.told.keys() - self.same


def append(path: str, text: str) -> Callable[[Path], object]:
    def edit(root: Path) -> None:
        with (root / path).open("a") as opened:
            opened.write(text)

    return edit


def lock(package: str, older: str) -> Callable[[Path], object]:
    """Have uv.lock name another version of a package, or another file of the same one."""

    def edit(root: Path) -> None:
        path = root / "uv.lock"
        block = re.compile(rf'(?<=\n\[\[package\]\]\n)name = "{package}"\n.*?\n(?=\n|\Z)', re.DOTALL)
        text, count = block.subn(older, path.read_text())
        assert count == 1
        path.write_text(text)

    return edit


def setting(root: Path) -> None:
    (path,) = root.glob("Pulumi.dev-*.yaml")
    settings = yaml.safe_load(path.read_text())
    env = settings["config"]["moorage:services"]["worker"]["env"]
    assert env["LOG_LEVEL"] == "DEBUG"
    env["LOG_LEVEL"] = "WARNING"
    path.write_text(yaml.safe_dump(settings))


REGISTRY = 'source = { registry = "https://pypi.org/simple" }'
FILE = "https://files.pythonhosted.org/annotated_types-0.7.0-py3-none-any.whl"
HASH = "sha256:1f02e8b43a8fbbc3f3e0d4f0f4bfc8131bcb4eebe8849b8e5c773f3a1c582a53"
OLDER = f"""name = "annotated-types"
version = "0.7.0"
{REGISTRY}
wheels = [
    {{ url = "{FILE}", hash = "{HASH}" }},
]
"""
"""What pydantic also runs with, and of all services only the backend has pydantic."""
OTHER = f"""name = "pytest-timeout"
version = "2.3.1"
{REGISTRY}
"""
"""What no service has."""
LIBRARY = "libs/harbour/harbour/totals.py"
NGINX = "images/nginx/nginx.conf"
CODE = "apps/backend/backend/api.py"
CHANGES = (
    Change(
        name="a README, and the lock outside of every slice",
        edits=(append("README.md", "\nMore.\n"), lock("pytest-timeout", OTHER)),
    ),
    Change(
        name="a library",
        edits=(append(LIBRARY, "\n# changed\n"),),
        told={name: file(LIBRARY, name, through=("libs/harbour",)) for name in ("backend", "worker")},
    ),
    Change(
        name="a base image, a file's mode and a setting",
        edits=(append(NGINX, "\n# changed\n"), lambda root: (root / CODE).chmod(0o755), setting),
        told={
            "frontend": Told(
                differences=("base image nginx changed",),
                ways=((NGINX, "images/nginx", "apps/frontend", "image frontend", "Deployment frontend"),),
            ),
            "backend": file(CODE, "backend", how="mode changed"),
            "worker": Told(
                rebuilt=False,
                differences=("setting env.LOG_LEVEL DEBUG → WARNING",),
                ways=(("setting env.LOG_LEVEL DEBUG → WARNING", "Deployment worker"),),
            ),
        },
        bases=frozenset({"nginx"}),
    ),
    Change(
        name="a Dockerfile, one that gives the same image, and the lock inside one slice",
        edits=(
            append("apps/worker/Dockerfile", "ENV CHANGED=1\n"),
            append("apps/frontend/Dockerfile", "# changed\n"),
            lock("annotated-types", OLDER),
        ),
        told={
            "worker": file("apps/worker/Dockerfile", "worker"),
            "frontend": file("apps/frontend/Dockerfile", "frontend"),
            "backend": file("uv.lock", "backend", how="changed in the part that this image uses"),
        },
        same=frozenset({"frontend"}),
    ),
)


@pytest.fixture(scope="module")
def checkout(shared_copy: Checkout) -> Checkout:
    """The copy of the repository, which the changes here are made to one after the other."""
    shared_copy.whole()
    return shared_copy


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_exactly_what_a_change_touches_is_told_built_and_rolled(checkout: Checkout, change: Change) -> None:
    before = checkout.state()
    assert checkout.affected()["services"] == []
    for edit in change.edits:
        edit(checkout.root)
    found = checkout.affected()
    ways = {name: sorted(map(list, told.ways)) for name, told in change.told.items()}
    assert {service["name"]: sorted(service["chains"]) for service in found["services"]} == ways
    assert {service["name"] for service in found["services"] if service["rebuilt"]} == change.rebuilt
    assert all(service["redeployed"] for service in found["services"])
    folders = {f"images/{name}" for name in change.bases} | {f"apps/{name}" for name in change.rebuilt}
    assert (set(found["images"]), found["stores"]) == (folders, [])
    for name in SERVICES:
        told = change.told.get(name)
        said = checkout.why(name)
        assert [line.strip() for line in said.splitlines() if line.startswith("  ")] == (told.lines if told else [])
        assert (f"{name} would not be rebuilt" in said) == (name not in change.rebuilt)
        assert (f"{name} would not be redeployed" in said) == (told is None)
    assert checkout.up() == {f"base-{name}" for name in change.bases} | change.rebuilt
    after = checkout.state()
    assert {name for name in before if before[name] != after[name]} == change.rolled
    assert all(not before[name][2] & after[name][2] for name in change.rolled), "all pods are new"


def test_images_name_their_source_where_the_stack_wants_it(checkout: Checkout) -> None:
    root, address = checkout.root, "https://git.example.com/acme/harbour"
    with checkout.settings() as config:
        config["moorage:sourceLabels"] = True
    git(root, "init", "--quiet")
    git(root, "remote", "add", "origin", f"{address}.git")
    git(root, "add", "--all")
    git(root, "-c", "user.name=Ada", "-c", "user.email=ada@example.com", "commit", "--quiet", "--message=Label images")
    assert checkout.up() >= set(SERVICES)
    images = json.loads(checkout.pulumi("stack", "output", "--json", "--stack", checkout.stack))["images"]
    assert images.keys() == set(SERVICES)
    for reference in images.values():
        image = ConfigReader().read(reference)
        assert image is not None
        labels = image["config"]["Labels"]
        assert labels["org.opencontainers.image.source"] == address
        assert labels["org.opencontainers.image.revision"] == git(root, "rev-parse", "HEAD")
        created = dt.datetime.fromisoformat(labels["org.opencontainers.image.created"])
        assert created.timestamp() == int(git(root, "log", "-1", "--format=%ct"))
    assert checkout.affected()["services"] == []


def git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True).stdout.strip()
