"""What a change of the checkout asks for: the cheapest way that leaves nothing stale."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moorage.build.codefolders import code_of
from moorage.build.contexts import is_left_out
from moorage.build.digests import Inputs
from moorage.build.ignorefile import read_ignore_file
from moorage.config.graph import Kind
from moorage.config.repository import DESCRIBED_BY
from moorage.config.sources import stack_file
from moorage.config.yamlfile import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from moorage.build.codefolders import Code
    from moorage.build.digests import NodeInputs
    from moorage.build.ignorefile import IgnoreFile
    from moorage.config.graph import Node
    from moorage.config.project import Project


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What changed paths ask for."""

    copied: Mapping[str, frozenset[str]]
    """Paths that are copied into the pods of a service, by its name."""
    settings: frozenset[str]
    """Paths of settings: the stack is updated."""
    inputs: frozenset[str]
    """Paths that an image may be built from: it is built where its inputs differ."""
    nothing: frozenset[str]
    """Paths that concern nothing that runs."""


class Classifier:
    """Knows what each file of the checkout is to the stack."""

    def __init__(self, project: Project) -> None:
        """Read the Dockerfiles and remember the inputs of each image.

        Raises `MoorageError` where one of them cannot be read.
        """
        self.project = project
        self.codes = developed_codes(project)
        inputs = Inputs(project).all()
        self._ignores = {node: _ignore(project, found) for node, found in inputs.items()}
        self._dockerfiles = frozenset(found.dockerfile for found in inputs.values())
        self._settings = _settings(project)
        self._rests = {node: rest(found, self.codes.get(_service(node))) for node, found in inputs.items()}

    def verdict(self, paths: Iterable[str]) -> Verdict:
        """Return what changed paths ask for."""
        copied: dict[str, set[str]] = {}
        settings, inputs, nothing = set(), set(), set()
        for path in paths:
            for name in (places := self._places(path)):
                copied.setdefault(name, set()).add(path)
            if self._is_setting(path):
                settings.add(path)
            elif self._may_be_built_from(path, places):
                inputs.add(path)
            elif not places:
                nothing.add(path)
        return Verdict(
            copied={name: frozenset(found) for name, found in copied.items()},
            settings=frozenset(settings),
            inputs=frozenset(inputs),
            nothing=frozenset(nothing),
        )

    def _places(self, path: str) -> list[str]:
        return [name for name, code in self.codes.items() if code.place(path) or _holds(code, path)]

    def _is_setting(self, path: str) -> bool:
        project = self.project
        folder, _, name = path.rpartition("/")
        if project.root / folder == project.program and name in {"Pulumi.yaml", f"Pulumi.{project.stack_name}.yaml"}:
            return True
        owner = project.monorepo.repository.owner_of(folder)
        return name in DESCRIBED_BY.values() and owner is not None and owner.folder == folder

    def _may_be_built_from(self, path: str, places: list[str]) -> bool:
        if any(path in {file, f"{file}.dockerignore"} for file in self._dockerfiles):
            return True
        return any(_service(node) not in places and not is_left_out(path, one) for node, one in self._ignores.items())

    def changed_images(self, now: Classifier) -> frozenset[str]:
        """Return the services whose images differ, as another knows them now, by more than copied files."""
        differ = {_service(node) for node, one in now._rests.items() if self._rests.get(node) != one}
        return frozenset(differ - {""})

    def changed_settings(self, now: Classifier) -> bool:
        """Return whether the stack's settings differ, as another knows them now."""
        return self._settings != now._settings


def developed_codes(project: Project) -> dict[str, Code]:
    """Return what can be copied into the pods of each service that is being developed."""
    found = {
        name: code_of(project, name, project.services[name].build.target)
        for name in project.running
        if project.develops(name)
    }
    return {name: code for name, code in found.items() if code.mounts}


def rest(inputs: NodeInputs, code: Code | None) -> str:
    """Return a digest of everything that goes into an image but the files that are copied into its running containers."""
    files = {path: entry for path, entry in inputs.files().items() if code is None or code.place(path) is None}
    text = json.dumps([files, dict(inputs.settings), dict(inputs.bases), inputs.secrets], sort_keys=True)
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def _settings(project: Project) -> list[Any]:
    """Return all that the stack is made of but its images; of secrets their encrypted text."""
    document = read_yaml(stack_file(project.program, project.stack_name), secret=True)
    return [project.settings, project.services, project.base_images, document.data.get("config")]


def _service(node: Node) -> str:
    return node.name if node.kind is Kind.service else ""


def _holds(code: Code, path: str) -> bool:
    """Return whether a folder is, or is above, one whose content is copied."""
    return any(folder.source == path or folder.source.startswith(f"{path}/") for folder in code.folders)


def _ignore(project: Project, inputs: NodeInputs) -> IgnoreFile:
    root = project.monorepo.repository.root_of(inputs.node)
    return read_ignore_file(root / f"{inputs.dockerfile}.dockerignore")
