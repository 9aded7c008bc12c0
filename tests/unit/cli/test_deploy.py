"""With what arguments Pulumi is asked for an update."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from moorage.cli.deploy import update_arguments

if TYPE_CHECKING:
    from tests.unit.config_samples import Monorepo


@pytest.mark.parametrize(
    ("stack", "protect", "previewed"),
    [("dev", False, False), ("dev", True, False), ("staging", True, False), ("staging", False, True)],
)
def test_an_update_begins_with_a_preview_where_nothing_but_the_policies_keeps_data(
    monorepo: Monorepo, stack: str, protect: bool, previewed: bool
) -> None:
    (monorepo.root / "Pulumi.dev.yaml").rename(monorepo.root / f"Pulumi.{stack}.yaml")
    monorepo.change(f"Pulumi.{stack}.yaml", "config:\n", f"config:\n  moorage:protect: {str(protect).lower()}\n")
    arguments = update_arguments(monorepo.load(stack))
    assert ("--skip-preview" not in arguments) == previewed
    assert arguments[-2:] == ["--stack", stack]


def test_an_update_after_one_that_did_not_finish_looks_at_the_cluster_first(monorepo: Monorepo) -> None:
    project = monorepo.load()
    assert "--refresh" in update_arguments(project, after_unfinished=True)
    assert "--refresh" not in update_arguments(project)
