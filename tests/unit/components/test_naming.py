"""Names and labels."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.components.naming import object_name, tag_name
from tests.unit.component_samples import BACKEND

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_an_object_name_is_a_dns_label_or_refused(parts: list[str]) -> None:
    if re.search(r"[a-z0-9]", "-".join(parts).lower()):
        assert DNS_LABEL.fullmatch(object_name(*parts))
    else:
        with pytest.raises(ValueError, match="no letter or digit"):
            object_name(*parts)


@given(st.text("ab", min_size=64, max_size=80), st.text("ab", min_size=64, max_size=80))
def test_two_long_names_never_become_one(first: str, second: str) -> None:
    assert (object_name(first) == object_name(second)) == (first == second)


def test_a_name_that_fits_stays_as_it_is() -> None:
    assert object_name("price-feed", "config") == "price-feed-config"
    assert object_name("a" * 63) == "a" * 63


@given(st.text(min_size=1))
def test_any_branch_gives_a_tag_that_registries_take(branch: str) -> None:
    assert TAG.fullmatch(tag_name(branch))


@given(st.text("a/-.", min_size=1), st.text("a/-.", min_size=1))
def test_two_branches_never_share_a_tag(first: str, second: str) -> None:
    assert (tag_name(first) == tag_name(second)) == (first == second)


def test_a_plain_branch_is_its_own_tag() -> None:
    assert tag_name("main") == "main"
    assert tag_name("release-1.2") == "release-1.2"
    assert tag_name("feature/berths").startswith("feature-berths-")


def test_selectors_hold_the_name_and_the_instance_alone() -> None:
    assert BACKEND.selector() == {"app.kubernetes.io/name": "backend", "app.kubernetes.io/instance": "harbour-dev"}
    assert BACKEND.selector().items() < BACKEND.all().items()


def test_every_object_tells_its_component_its_application_and_who_manages_it() -> None:
    assert BACKEND.all() == {
        "app.kubernetes.io/name": "backend",
        "app.kubernetes.io/instance": "harbour-dev",
        "app.kubernetes.io/component": "web",
        "app.kubernetes.io/part-of": "harbour",
        "app.kubernetes.io/managed-by": "pulumi",
    }
