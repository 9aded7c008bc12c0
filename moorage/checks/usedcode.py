"""Whether the code that an image holds imports only what is declared for it and copied into it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from moorage.base.errors import Location, Problem
from moorage.checks.pythonimports import module_of
from moorage.config.graph import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from moorage.checks.imports import ImportScanner, Packages
    from moorage.config.graph import Node
    from moorage.config.service import Build


def declaration_of(node: Node) -> str:
    """Return the file with a node's declarations."""
    return f"{node}/{'service' if node.kind is Kind.service else 'image'}.yaml"


@dataclass(frozen=True)
class UsedCode:
    """The check of one image's code."""

    root: Path
    node: Node
    build: Build
    nodes: Collection[Node]
    packages: Packages
    scanner: ImportScanner

    def problems(self, files: Iterable[str], copied: Collection[Node]) -> Iterator[Problem]:
        """Yield the first import of each node that is not declared or not copied; ``files`` are the build context."""
        told: set[tuple[Node | None, Node]] = set()
        for file in files:
            owner = self.packages.owner_of(file)
            for module, line in self.scanner.imports(file):
                target = self.packages.target(file, module)
                if target is None or target in {owner, self.node} or (owner, target) in told:
                    continue
                if target not in self.nodes:
                    continue
                told.add((owner, target))
                problem = self._problem(target, f"{owner or file} imports {module_of(module)}", target in copied)
                if problem:
                    what, why, remedy = problem
                    where = Location(file=str(self.root / file), line=line, column=1)
                    yield Problem(what=what, why=why, remedy=remedy, where=where)

    def _problem(self, target: Node, imports: str, copied: bool) -> tuple[str, str, str] | None:
        """Return what is wrong with an import, why, and what to do; None where nothing is."""
        if target.kind is Kind.service:
            return (
                f"{imports} of the service {target.name}",
                f"the image of {self.node} does not contain {target}, and a change of it would not rebuild {self.node}",
                "move the shared code to a library",
            )
        if target.name not in self.build.libs:
            return (
                f"{imports}, and {self.node} does not declare the library {target.name}",
                f"a change of {target} would not rebuild {self.node}",
                f"add {target.name} to build.libs in {declaration_of(self.node)}",
            )
        if not copied:
            return (
                f"{imports}, and the Dockerfile of {self.node} does not copy {target}",
                "the process would not find it",
                f"copy {target}/… in {self.node}/{self.build.dockerfile}",
            )
        return None
