"""A change of a library is a change of exactly the services that contain it: as Moorage tells, and as BuildKit builds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from moorage.build.comparison import changes
from moorage.build.digests import Inputs
from moorage.build.outline import outline_of
from moorage.build.record import Record, record_of
from moorage.config.graph import Kind, Node
from moorage.config.loader import load_project
from tests.properties.shared_libraries import (
    CHANGES,
    Sharing,
    all_services,
    apply_change,
    built_anew,
    sharings,
    write_sharing,
    write_stack,
)

if TYPE_CHECKING:
    from pathlib import Path

    from moorage.config.project import Project


# Feature: optimized-container-infrastructure, Property 29: For any shared library modification, all microservices that
# depend on that library should be identified and rebuilt.
@pytest.mark.property_test
def test_a_change_of_a_library_rebuilds_all_services_that_contain_it_and_no_others(
    platform: None, tmp_path: Path
) -> None:
    examples: list[Sharing] = []

    @settings(max_examples=120, database=None, deadline=None)
    @given(sharing=sharings())
    def gather(sharing: Sharing) -> None:
        examples.append(sharing)

    gather()
    assert len(examples) >= 100
    assert len({sharing.change for sharing in examples}) > len(CHANGES)
    write_stack(tmp_path)
    for number, sharing in enumerate(examples):
        write_sharing(tmp_path, number, sharing)
    services = all_services(examples)
    assert built_anew(tmp_path, services) == set(services)
    before, _ = _recorded(tmp_path)
    for number, sharing in enumerate(examples):
        apply_change(tmp_path, number, sharing)
    after, project = _recorded(tmp_path)
    _are_identified(project, before, after, examples)
    anew = built_anew(tmp_path, services)
    for number, sharing in enumerate(examples):
        rebuilt = {index for index in range(len(sharing.services)) if f"g{number}-s{index}" in anew}
        assert rebuilt == sharing.expected, f"BuildKit built {rebuilt} anew: {sharing}"


def _recorded(root: Path) -> tuple[Record, Project]:
    project = load_project(root, "dev")
    return record_of(outline_of(project), Inputs(outline_of(project)).all()), project


def _are_identified(project: Project, before: Record, after: Record, examples: list[Sharing]) -> None:
    """Check that the services told to be rebuilt are those, each with the way from the library to it."""
    told = {service.name: service for service in changes(outline_of(project), before, after).services}
    for number, sharing in enumerate(examples):
        own = {index: told[f"g{number}-s{index}"] for index in range(len(sharing.services))}
        rebuilt = {index for index, service in own.items() if service.rebuilt}
        assert rebuilt == sharing.expected, f"Moorage would build {rebuilt} anew: {sharing}"
        lib = f"g{number}-l{sharing.lib}"
        for index in rebuilt:
            ways = {chain[1:3] for chain in own[index].chains}
            assert ways == {(f"libs/{lib}", f"apps/g{number}-s{index}")}, own[index].chains
        dependents = project.graph.affected([Node(Kind.lib, lib)]) - {Node(Kind.lib, lib)}
        assert {node.name for node in dependents} == {f"g{number}-s{index}" for index in sharing.dependents}
