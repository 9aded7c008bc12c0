"""Broken variants of our own dev and prod stacks are stopped by a real preview, each with the message that is due."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from moorage.policy.examples import REMOVE, put
from moorage.policy.registry import RULES, Level, Scope
from moorage.policy.verdicts import Violation
from tests.live.test_change import versions
from tests.policy.test_own_stacks import POD, PROD_VARIANTS, VARIANTS, declared, outcomes, program
from tests.support.checkout import Checkout, copy_repository, give_environment
from tests.support.stack import Stack, session_environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from tests.unit.pulumi_mocks import Recording, Registration

pytestmark = pytest.mark.live

Variant = tuple[str, str, Any, str]
"""Kind, path, value, and the policy that has something against it."""
WORKLOADS = ("Deployment", "StatefulSet")
MANY = {"isolate-pods"}
"""Policies that one object alone does not break."""
BREAKING = '''
"""Changes what the program declares, in the places that breakages.json names."""

import json
from pathlib import Path

import pulumi

from moorage.policy.examples import REMOVE, put

BREAKAGES = json.loads(Path("breakages.json").read_text())


def broken(args):
    for path, value in BREAKAGES.get(args.name, ()):
        put(args.props, path, REMOVE if value is None else value)
    return pulumi.ResourceTransformResult(args.props, args.opts)


pulumi.runtime.register_resource_transform(broken)
'''
_POLICY = re.compile(r"- \[mandatory\].*? ([a-z0-9-]+)  \(")
_SUFFIX = re.compile(r"-[0-9a-f]{8}\b")


@dataclass(frozen=True)
class Breakage:
    """One field of one object, by its logical name, that is not as it must be, and the policy that says so."""

    name: str
    path: str
    value: Any
    policy: str


@dataclass
class Batch:
    """Breakages of different objects, for one preview."""

    breakages: list[Breakage] = field(default_factory=list)

    def takes(self, name: str) -> bool:
        return all(breakage.name != name for breakage in self.breakages)

    @property
    def on_the_whole(self) -> bool:
        return on_the_whole(self.breakages[0].policy)

    @property
    def by_name(self) -> dict[str, list[tuple[str, Any]]]:
        return {breakage.name: [(breakage.path, breakage.value)] for breakage in self.breakages}


def recorded(stack: str, *, preview: bool = False) -> Recording:
    """Run the program in a thread of its own: a browser's event loop may still run in this one, from other tests."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(program, stack, preview=preview).result()


def on_the_whole(policy: str) -> bool:
    """Tell whether a policy judges the stack as a whole, for which Pulumi asks where the cluster takes every object."""
    return RULES[policy].scope is Scope.STACK


def batches(recording: Recording, variants: Iterable[Variant]) -> list[Batch]:
    """Give each variant an object of its kind, a pod any workload, and to each batch every object once."""
    found: list[Batch] = []
    for kind, path, value, policy in variants:
        kinds = WORKLOADS if kind in WORKLOADS and path.startswith(POD) else (kind,)
        names = [item.name for item in recording.objects() if item.kind in kinds]
        alike = [batch for batch in found if batch.on_the_whole == on_the_whole(policy)]
        batch, name = next(
            ((batch, name) for batch in alike for name in names if batch.takes(name)), (Batch(), names[0])
        )
        if batch not in found:
            found.append(batch)
        batch.breakages.append(Breakage(name, path, value, policy))
    return found


def due(recording: Recording, stage: str, batch: Batch) -> set[tuple[str, str]]:
    """Return policy and message of all that the rules may stop of the program as the batch changes it."""

    def change(registration: Registration, inputs: dict[str, Any]) -> None:
        for path, value in batch.by_name.get(registration.name, ()):
            put(inputs, path, REMOVE if value is None else value)

    findings = [item for item in outcomes(declared(recording, change)) if isinstance(item, Violation)]
    return {
        (item.rule.name, plain(item.message.partition("\n")[0]))
        for item in findings
        if item.rule.levels.of(stage) in {Level.MANDATORY, Level.REMEDIATE}
    }


def said(output: str) -> set[tuple[str, str]]:
    """Return policy and message of all that stopped a preview: the third line that it shows of each."""
    lines = [line.strip() for line in output.splitlines()]
    found = set()
    for number, line in enumerate(lines):
        match = _POLICY.search(line)
        # Whose findings need the images' own configurations, which only the registry has, are not foreseen here.
        if match and not RULES[match[1]].at_once:
            found.add((match[1], plain(lines[number + 2])))
    return found


def plain(message: str) -> str:
    """Return a message without what the provider adds to a name."""
    return _SUFFIX.sub("-*", message)


@pytest.fixture(scope="module")
def variant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository whose program is changed by a transform."""
    root = tmp_path_factory.mktemp("variant")
    copy_repository(root)
    give_environment(root)
    (root / "breaking.py").write_text(BREAKING)
    page = root / "__main__.py"
    page.write_text(f"import breaking\n{page.read_text()}")
    return root


def preview(checkout: Checkout, batch: Batch) -> set[tuple[str, str]]:
    (checkout.root / "breakages.json").write_text(json.dumps(batch.by_name))
    result = checkout.run("preview", "--stack", checkout.stack)
    assert "Traceback" not in result.stdout + result.stderr
    assert result.returncode != 0, result.stdout
    return said(result.stdout)


def check(recording: Recording, checkout: Checkout, batches: Iterable[Batch]) -> int:
    """Preview the variants, a batch at a time, and return how many there were."""
    count = 0
    for batch in batches:
        expected, found = due(recording, checkout.stack, batch), preview(checkout, batch)
        assert {breakage.policy for breakage in batch.breakages} <= {policy for policy, _ in found}
        assert found <= expected
        missing = {policy for policy, _ in expected - found}
        # Some is mended; and where the API server refuses an object as well, there is no verdict on the whole.
        assert {
            policy
            for policy in missing
            if RULES[policy].levels.of(checkout.stack) is Level.MANDATORY
            and (batch.on_the_whole or not on_the_whole(policy))
        } == set()
        count += len(batch.breakages)
    return count


def mandatory(variants: Iterable[Variant], stage: str) -> list[Variant]:
    """Return the variants that are stopped, where others are mended or shown."""
    found = [variant for variant in variants if RULES[variant[3]].levels.of(stage) is Level.MANDATORY]
    return [variant for variant in found if variant[3] not in MANY]


def test_variants_of_the_running_dev_stack_are_stopped(dev: Stack, variant: Path) -> None:
    checkout = Checkout(root=variant, stack="dev", environment=session_environment("dev"))
    before = versions(dev)
    recording = recorded("dev")
    # What the API server refuses as well ends a preview before all is declared: one at a time.
    each = [batch for one in mandatory(VARIANTS, "dev")[::3] for batch in batches(recording, [one])]
    assert check(recording, checkout, each) >= 10
    assert versions(dev) == before


def test_variants_of_prod_are_stopped_before_there_is_anything_of_it(dev: Stack, variant: Path) -> None:
    checkout = Checkout(root=variant, stack="prod", environment=session_environment("prod", cwd=variant))
    assert checkout.run("stack", "init", "prod").returncode == 0
    recording = recorded("prod", preview=True)
    variants = mandatory(VARIANTS, "prod")[1::2] + mandatory(PROD_VARIANTS, "prod")
    assert check(recording, checkout, batches(recording, variants)) >= 30
    resources: Mapping[str, Any] = json.loads(checkout.pulumi("stack", "export", "--stack", "prod"))["deployment"]
    assert resources.get("resources", []) == []
