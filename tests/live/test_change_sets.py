"""What each kind of change rebuilds and redeploys, and that it was told before, on a stack and a checkout of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.support.checkout import Checkout
from tests.support.stack import moorage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.live


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change, what it is to rebuild and redeploy, and a part of the explanation for each rebuilt service."""

    name: str
    apply: Callable[[Path], object]
    built: frozenset[str] = frozenset()
    """Names of the images."""
    rolled: frozenset[str] = frozenset()
    told: dict[str, str]
    """By service, what ``moorage why`` says; services that are not in it are told to be as they were."""


def append(path: str, text: str) -> Callable[[Path], object]:
    def change(root: Path) -> None:
        with (root / path).open("a") as file:
            file.write(text)

    return change


LIBRARY = "libs/harbour/harbour/totals.py"
CHANGES = (
    Change(name="a README", apply=append("README.md", "\nMore.\n"), told={}),
    Change(
        name="a library",
        apply=append(LIBRARY, "\n# changed\n"),
        built=frozenset({"backend", "worker"}),
        rolled=frozenset({"backend", "worker"}),
        told={name: f"{LIBRARY} → libs/harbour → apps/{name} → image {name}" for name in ("backend", "worker")},
    ),
    Change(
        name="a base image",
        apply=append("images/nginx/nginx.conf", "\n# changed\n"),
        built=frozenset({"base-nginx", "frontend"}),
        rolled=frozenset({"frontend"}),
        told={"frontend": "images/nginx/nginx.conf → images/nginx → apps/frontend → image frontend"},
    ),
)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A copy of the repository whose stack is up."""
    moorage("platform", "start")
    copy = Checkout.copied(tmp_path_factory.mktemp("checkout"), "changes")
    try:
        copy.up()
        yield copy
    finally:
        copy.down()


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_exactly_what_a_change_touches_is_told_built_and_rolled(checkout: Checkout, change: Change) -> None:
    before = checkout.state()
    assert checkout.affected()["services"] == []
    change.apply(checkout.root)
    told = {service["name"]: service for service in checkout.affected()["services"]}
    assert {name for name, service in told.items() if service["rebuilt"]} == change.told.keys()
    assert told.keys() == change.told.keys() | change.rolled
    for name in ("backend", "worker", "frontend"):
        explanation = " ".join(checkout.why(name).split())
        assert change.told.get(name, "not be rebuilt") in explanation
    assert checkout.up() == change.built
    after = checkout.state()
    assert {name for name in before if before[name] != after[name]} == change.rolled
    assert all(not before[name][2] & after[name][2] for name in change.rolled), "all pods are new"
