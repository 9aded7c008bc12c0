"""With IfNotPresent the node asks the registry for an image when it does not have it, and at no other time."""

from __future__ import annotations

import os
import re
import subprocess
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moorage.platform.layout import Layout
from tests.properties.batch import BATCHED
from tests.properties.derived_images import REGISTRY, DerivedImages
from tests.properties.pods import Manifest, container, node, pod, run_together
from tests.support.stack import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

PAUSE = "moorage/pause"
"""A program that waits, in every image here; each has a configuration of its own, and so a digest."""
ROUNDS = 4
PODS = 10
LOG = ROOT / ".moorage/platform/logs/registry-node.log"


@dataclass(frozen=True)
class Uses:
    """What happens to an image, round by round: a pod starts with it, the node forgets it, or nothing."""

    rounds: tuple[str, ...]
    by_digest: bool

    @property
    def pulls(self) -> int:
        """How often it has to be pulled: for a start without the image."""
        present, count = False, 0
        for step in self.rounds:
            if step == "start":
                count += not present
                present = True
            elif step == "forget":
                present = False
        return count


@dataclass(frozen=True)
class Seen:
    """How often the node asked the registry for the image's manifest, and how many pods ran it."""

    asked: int
    ran: int


uses = st.builds(
    Uses,
    rounds=st.tuples(*[st.sampled_from(["start", "start", "forget", "nothing"])] * ROUNDS),
    by_digest=st.booleans(),
)


class Images(DerivedImages):
    """Small images of a repository each, and what the node has of them."""

    def __init__(self) -> None:
        super().__init__(f"property-17-{uuid.uuid4().hex[:8]}", PAUSE)

    def push_numbered(self, number: int) -> str:
        """Push image ``number`` and return its digest."""
        return self.push(f"e{number}", Labels={"number": str(number)})

    def forget(self, names: Sequence[str]) -> None:
        """Have the node forget all that it has of these images: each is there by tag, by digest, or both."""
        wanted = tuple(f"{REGISTRY}/{self.folder}/{name}" for name in names)
        there = self._ctr("list", "--quiet").split()
        gone = [item for item in there if item.startswith(tuple(f"{one}{end}" for one in wanted for end in ":@"))]
        if gone:
            self._ctr("remove", "--sync", *gone)

    def _ctr(self, *arguments: str) -> str:
        layout = Layout.of(ROOT)
        command = [
            str(layout.bin / "ctr"),
            "--address",
            str(layout.containerd_socket),
            "--namespace",
            "k8s.io",
            "images",
        ]
        result = subprocess.run([*command, *arguments], capture_output=True, text=True, check=True)
        return result.stdout


def run(examples: Sequence[Uses]) -> list[Seen]:
    images = Images()
    references = []
    for number, example in enumerate(examples):
        digest = images.push_numbered(number)
        end = f"@{digest}" if example.by_digest else ":1"
        references.append(f"{REGISTRY}/{images.folder}/e{number}{end}")
    ran = [0] * len(examples)
    start = LOG.stat().st_size
    try:
        with node("property-17") as here:
            for turn in range(ROUNDS):
                started = [number for number, example in enumerate(examples) if example.rounds[turn] == "start"]
                parts = [part for index in range(PODS) if (part := started[index::PODS])]
                here.start([_pod(turn, index, part, references) for index, part in enumerate(parts)])
                for item in here.wait(lambda item: item["status"].get("phase") == "Running", "running"):
                    for container in item["spec"]["containers"]:
                        ran[int(container["name"][1:])] += 1
                here.clear()
                images.forget([f"e{number}" for number, one in enumerate(examples) if one.rounds[turn] == "forget"])
    finally:
        images.forget([f"e{number}" for number in range(len(examples))])
    with LOG.open("rb") as file:
        file.seek(start)
        log = file.read().decode(errors="replace")
    asked = re.findall(rf'"HEAD /v2/{images.folder}/e(\d+)/manifests/\S+ HTTP/1.1" 200 .*containerd/', log)
    return [Seen(asked.count(str(number)), ran[number]) for number in range(len(examples))]


def _pod(turn: int, index: int, numbers: Sequence[int], references: Sequence[str]) -> Manifest:
    made = [(number, container(references[number])) for number in numbers]
    containers = [
        {"name": f"e{number}", "image": one["image"], "imagePullPolicy": one["imagePullPolicy"]} for number, one in made
    ]
    return pod(f"round-{turn}-{index}-{os.getpid()}", {"containers": containers})


# Feature: optimized-container-infrastructure, Property 17: For any Kubernetes deployment with IfNotPresent pull policy,
# images should be pulled from registry only when not present in local cache.
@pytest.mark.property_test
@run_together(run)
@settings(BATCHED, max_examples=100)
@given(example=uses)
def test_the_registry_is_asked_once_for_each_start_without_the_image_and_never_for_one_with_it(
    example: Uses, outcome: Seen
) -> None:
    assert outcome.ran == example.rounds.count("start")
    assert outcome.asked == example.pulls
