"""What a repository holds that could run: a candidate for each Dockerfile, and what could not be told."""

from __future__ import annotations

import os
import posixpath
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from moorage.adopt.compose import ComposeService, read_compose
from moorage.adopt.images import Process, read_process
from moorage.base.errors import MoorageError
from moorage.build.git import run_git

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

NAME = re.compile(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?")
_DOCKERFILE = re.compile(r"Dockerfile|Dockerfile\.[\w-]+|[\w-]+\.Dockerfile")
_ASIDE = frozenset({"test", "tests", "e2e", "docs", "doc", "examples", "example", "fixtures", ".devcontainer", "ci"})
_NO_NAME = frozenset({"src", "docker", "build", "app", "deploy", "deployment", ".docker", "container"})
"""Folders that are named for what they hold: the folder above is the service's."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A service that the repository seems to have."""

    name: str
    folder: str
    """Where its ``service.yaml`` goes, relative to the top."""
    dockerfile: str
    """Relative to the top."""
    context: str
    """Relative to the top; ``.`` for all of it."""
    process: Process
    compose: ComposeService | None = None

    @property
    def ports(self) -> tuple[int, ...]:
        """Ports inside the container, the likeliest first."""
        told = self.process.env.get("PORT", "")
        found = (*(self.compose.ports if self.compose else ()), *self.process.ports, *([int(told)] if told.isdigit() else []))
        return tuple(dict.fromkeys(found))


@dataclass
class Survey:
    """Everything that was found."""

    top: Path
    candidates: list[Candidate] = field(default_factory=list)
    compose: Mapping[str, ComposeService] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """What could not be told, as sentences."""

    def stands_for(self, name: str) -> str:
        """Return what a compose service is called here: a candidate's name, a store's, or empty for none."""
        service = self.compose.get(name)
        if service is None:
            return ""
        return service.store or next((one.name for one in self.candidates if one.compose is service), "")


def survey(top: Path) -> Survey:
    """Look through the files that git tracks, or would.

    Raises `MoorageError` where nothing in it could run.
    """
    files = _files(top)
    found = Survey(top)
    found.compose, notes = read_compose(top, files)
    found.notes += notes
    built = {service.dockerfile: service for service in found.compose.values() if service.context}
    for path in sorted(path for path in files if _DOCKERFILE.fullmatch(posixpath.basename(path))):
        found.candidates += _candidate(found, path, built.get(path))
    if not found.candidates:
        raise MoorageError.of(
            "there is nothing to take in",
            where=str(top),
            why=f"none of its {len(files)} files is a Dockerfile of a service" if files else "the repository is empty",
            remedy="begin a service with moorage new service NAME --template python-fastapi, or write its Dockerfile",
        )
    found.notes += _others(found)
    return found


def _files(top: Path) -> list[str]:
    output = run_git(top, ["ls-files", "--cached", "--others", "--exclude-standard", "-z"], check=True).stdout
    return [os.fsdecode(path) for path in output.split(b"\0") if path and (top / os.fsdecode(path)).is_file()]


def _candidate(found: Survey, path: str, compose: ComposeService | None) -> Iterator[Candidate]:
    folder, _, file = path.rpartition("/")
    parts = folder.split("/") if folder else []
    if not compose and (aside := next((part for part in parts if part in _ASIDE), None)):
        found.notes.append(f"{path} is left out: it lies in {aside}/; if it runs in a cluster, give it a service.yaml")
        return
    while len(parts) > 1 and parts[-1] in _NO_NAME:
        parts.pop()
    home = "/".join(parts)
    if not home:
        found.notes.append(
            f"{path} is at the repository's top: a service has a folder of its own; move it, or write service.yaml in a "
            "folder with build: {context: .., dockerfile: ../Dockerfile}"
        )
        return
    if any(one.folder == home for one in found.candidates):
        found.notes.append(f"{path} is a second Dockerfile of {home}: one folder is one service; {file} was left out")
        return
    if not NAME.fullmatch(parts[-1]):
        found.notes.append(
            f"{path} has no service.yaml: {parts[-1]} cannot name Kubernetes objects (lower-case letters, digits, hyphens)"
        )
        return
    if twin := next((one for one in found.candidates if one.name == parts[-1]), None):
        found.notes.append(f"{path} has no service.yaml: {twin.folder} has the name {parts[-1]} already")
        return
    context = compose.context if compose else folder
    process = read_process(found.top / path, compose.target if compose else "")
    yield Candidate(name=parts[-1], folder=home, dockerfile=path, context=context, process=process, compose=compose)


def _others(found: Survey) -> Iterator[str]:
    """Yield what a compose file runs and nothing here stands for."""
    for service in found.compose.values():
        if service.context or service.store:
            continue
        yield (
            f"{service.name} in {service.file} runs {service.image or 'no image'}, for which there is no data store here: "
            f"describe it as a service with image: {service.image}, or name where it runs"
        )
