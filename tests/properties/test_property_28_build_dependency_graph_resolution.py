"""Images are built after those that they are built FROM, whatever they are called; the real engine and builder do it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi
import pytest
from hypothesis import given, settings
from pulumi import automation

from moorage.build.digests import Inputs
from moorage.components.image_builds import ImageBuilder
from moorage.config.loader import load_project
from tests.properties.build_graphs import BuildGraph, build_graphs, delete_images, made_in, write_project
from tests.support.quiet import busy
from tests.support.stack import session_environment
from tests.unit.pulumi_mocks import Recording, record

if TYPE_CHECKING:
    from pathlib import Path

PARALLELISM = 3


# Feature: optimized-container-infrastructure, Property 28: For any set of microservices with inter-dependencies, the
# build system should determine and execute builds in correct dependency order.
@pytest.mark.property_test
def test_images_are_built_in_the_order_of_their_dependencies(platform: None, tmp_path: Path) -> None:
    graphs: list[BuildGraph] = []

    @settings(max_examples=100, database=None, deadline=None)
    @given(graph=build_graphs())
    def gather(graph: BuildGraph) -> None:
        graphs.append(graph)

    gather()
    assert len(graphs) >= 100
    write_project(tmp_path, graphs, parallelism=PARALLELISM)
    _are_ordered(graphs, tmp_path)
    _are_built(graphs, tmp_path)


def _are_ordered(graphs: list[BuildGraph], root: Path) -> None:
    """Check the order that is determined for the images of all graphs, and what each waits for in the program."""
    project = load_project(root, "dev")
    order = [node.name for node in Inputs(project).all()]
    place = {name: index for index, name in enumerate(order)}
    waits = _waits(record(lambda: ImageBuilder(project).build()))
    assert waits.keys() == place.keys()
    for number, graph in enumerate(graphs):
        own = f"g{number}-"
        assert {name for name in order if name.startswith(own)} == {own + name for name in graph.used()}
        for name in graph.used():
            for base in graph.below(name) - {name}:
                assert place[own + base] < place[own + name]
                assert own + base in waits[own + name]
    for index, name in enumerate(order[PARALLELISM:]):
        assert order[index] in waits[name], "more are built at once than the stack allows"


def _waits(recording: Recording) -> dict[str, set[str]]:
    """Return for each image the names of those that are done before it begins."""
    by_urn = {found.urn: found for found in recording.registrations}
    before: dict[str, set[str]] = {}
    for found in recording.registrations:
        direct = {urn for urn in {*found.dependencies, found.parent} if urn in by_urn}
        before[found.urn] = direct.union(*(before.get(urn, set()) for urn in direct))
    names = {found.urn: found.name.removesuffix("-image").removeprefix("base-") for found in recording.of("Image")}
    return {name: {names[urn] for urn in before[own] if urn in names} for own, name in names.items()}


def _are_built(graphs: list[BuildGraph], root: Path) -> None:
    """Build for real; an image can only hold what its bases hold where these were built before it."""
    images = _built(root)
    try:
        for number, graph in enumerate(graphs):
            own = f"g{number}-"
            for name in graph.used():
                assert made_in(images[own + name]) == {own + found for found in graph.below(name)}
    finally:
        delete_images(images.values())


def _built(root: Path) -> dict[str, Any]:
    """Bring a stack of images up, and return them by name."""
    environment = session_environment()
    variables = {name: environment[name] for name in ("PULUMI_HOME", "DOCKER_CONFIG", "NO_PROXY", "no_proxy")}
    variables |= {"PULUMI_BACKEND_URL": f"file://{root}", "PULUMI_CONFIG_PASSPHRASE": "of no use to anyone"}
    project = load_project(root, "dev")

    def program() -> None:
        built = ImageBuilder(project).build()
        pulumi.export("images", {name: image.image for name, image in (built.bases | built.services).items()})

    options = automation.LocalWorkspaceOptions(work_dir=str(root), env_vars=variables)
    with busy(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", environment["PATH"])
        patch.delenv("PULUMI_OPTION_POLICY_PACK", raising=False)
        patch.chdir(root)
        stack = automation.create_or_select_stack("dev", "property-builds", program=program, opts=options)
        outputs = stack.up(parallel=2 * PARALLELISM).outputs
    images: dict[str, Any] = outputs["images"].value
    return images
