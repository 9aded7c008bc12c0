"""Moorage's rules for Dockerfiles; two of them are BuildKit's as well, and hold here also without a builder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moorage.base.errors import Location, Problem
from moorage.build.installs import OPTIONS, cache_targets, command_of, managers_of
from moorage.checks.layers import WORDS, misplaced_layers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from moorage.build.instructions import Instruction
    from moorage.build.stages import Dockerfile, Stage

_SECRET = re.compile(
    r"(?:^|_)(?:password|passwd|passphrase|secrets?|tokens?|api_?keys?|access_?keys?|private_?keys?|credentials?|auth)(?:_|$)",
    re.IGNORECASE,
)
_NO_SECRET = re.compile(r"_(?:FILE|PATH|DIR|URL|ID|NAME)$", re.IGNORECASE)
_NUMERIC = re.compile(r"^(\d+)(?::\d+)?$")
_LISTS = "/var/lib/apt/lists"
BASE = "moorage.base/"
"""Stands in for the digests of base images, so that their use can be told whatever the variable."""
EXPOSE = "expose-port"
RULES = frozenset(
    {"order-layers", "mount-cache", "leave-no-lists", "update-before-install", "no-recommended-packages"}
    | {"run-as-non-root", "use-exec-form", "set-stopsignal", "expose-port"}
    | {"no-remote-add", "no-secret-args", "pin-tag"}
)


@dataclass(frozen=True, kw_only=True)
class LintFinding:
    """One thing that a rule does not allow."""

    id: str
    """Name of the rule."""
    file: Path
    line: int
    what: str
    why: str
    fix: str

    def problem(self) -> Problem:
        """Return it as it is shown."""
        where = Location(file=str(self.file), line=self.line, column=1)
        return Problem(what=f"{self.what} [{self.id}]", where=where, why=self.why, remedy=self.fix)


def contradictions(dockerfile: Dockerfile, purpose: Purpose) -> tuple[LintFinding, ...]:
    """Return where a Dockerfile says another port than service.yaml: the pods would never be ready."""
    stage = dockerfile.built(purpose.target) or dockerfile.stages[-1]
    if not any(part.ports for part in dockerfile.chain(stage)):
        return ()
    return tuple(found for found in _run_time(dockerfile, stage, purpose) if found.id == EXPOSE)


@dataclass(frozen=True, kw_only=True)
class Purpose:
    """What the rules hold a Dockerfile against."""

    service: bool
    """A service's; a base image may leave to services how it is stopped."""
    target: str = ""
    """The stage that is deployed; empty for the last."""
    port: int | None = None
    """Where a service listens."""


def lint_dockerfile(dockerfile: Dockerfile, purpose: Purpose) -> tuple[LintFinding, ...]:
    """Return everything that the rules do not allow, by line."""
    findings = [
        *_order(dockerfile),
        *_installs(dockerfile),
        *_additions(dockerfile),
        *_secrets(dockerfile),
        *_tags(dockerfile),
    ]
    for stage in run_time_stages(dockerfile, purpose):
        findings += _run_time(dockerfile, stage, purpose)
    return tuple(sorted(set(findings), key=lambda finding: (finding.line, finding.id)))


def run_time_stages(dockerfile: Dockerfile, purpose: Purpose) -> tuple[Stage, ...]:
    """Return the stages whose images run: what is deployed, and all that have an entrypoint and nothing built on them."""
    bases = {stage.base.lower() for stage in dockerfile.stages}
    deployed = dockerfile.built(purpose.target)
    found = [
        stage
        for stage in dockerfile.stages
        if (stage is deployed and purpose.service)
        or (
            (not stage.name or stage.name not in bases)
            and any(found.keyword in {"CMD", "ENTRYPOINT"} for found in _chained(dockerfile, stage))
        )
    ]
    return tuple(found)


def _chained(dockerfile: Dockerfile, stage: Stage) -> list[Instruction]:
    return [instruction for part in dockerfile.chain(stage) for instruction in part.instructions]


def _order(dockerfile: Dockerfile) -> Iterator[LintFinding]:
    for found in misplaced_layers(dockerfile):
        layer, earlier = found.layer, found.earlier
        if layer.instruction is earlier.instruction:
            what = f"{WORDS[layer.pace]} are installed with the {WORDS[earlier.pace]} mounted"
        else:
            what = f"{WORDS[layer.pace]} come after the {WORDS[earlier.pace]} of line {earlier.instruction.line}"
        yield LintFinding(
            id="order-layers",
            file=dockerfile.path,
            line=layer.instruction.line,
            what=what,
            why=f"every change of the {WORDS[earlier.pace]} rebuilds this layer and all after it",
            fix="order steps by how often they change: system packages, dependency files, their installation, source",
        )


def _installs(dockerfile: Dockerfile) -> Iterator[LintFinding]:
    for run in (found for found in dockerfile.instructions if found.keyword == "RUN"):
        targets, command = cache_targets(run), command_of(run)
        for manager in managers_of(run):
            kept = any(mark in target for target in targets for mark in manager.marks)
            if not kept and not (manager.without_cache and manager.without_cache.search(command)):
                yield LintFinding(
                    id="mount-cache",
                    file=dockerfile.path,
                    line=run.line,
                    what=f"{manager.name} downloads everything again at each run, and leaves it in the layer",
                    why="a cache mount is kept between builds and is not part of the image",
                    fix=f"add --mount=type=cache,target={manager.cache}"
                    + (",sharing=locked" if manager.system else ""),
                )
            if manager.name == "apt":
                yield from _apt(dockerfile, run, command, targets)


def _apt(dockerfile: Dockerfile, run: Instruction, command: str, targets: tuple[str, ...]) -> Iterator[LintFinding]:
    if not any(_LISTS in target for target in targets) and f"rm -rf {_LISTS}" not in command:
        yield LintFinding(
            id="leave-no-lists",
            file=dockerfile.path,
            line=run.line,
            what="apt's package lists stay in the layer",
            why="they are 20 MB that no process reads, outdated within days",
            fix=f"add --mount=type=cache,target={_LISTS},sharing=locked",
        )
    if "--no-install-recommends" not in command:
        yield LintFinding(
            id="no-recommended-packages",
            file=dockerfile.path,
            line=run.line,
            what="apt installs recommended packages as well",
            why="they are often many more than are needed, each with its own vulnerabilities",
            fix="add --no-install-recommends, and name the packages that you need",
        )
    if not re.search(rf"\bapt(?:-get)?{OPTIONS}update\b", command):
        yield LintFinding(
            id="update-before-install",
            file=dockerfile.path,
            line=run.line,
            what="apt installs from lists of another step",
            why="that step may come from an old cache, with versions that no longer exist",
            fix="run apt-get update in the same RUN step",
        )


def _additions(dockerfile: Dockerfile) -> Iterator[LintFinding]:
    for add in (found for found in dockerfile.instructions if found.keyword == "ADD"):
        remote = [word for word in add.words[:-1] if re.match(r"[\"']?(?:https?://|ftp://|git@|git://|ssh://)", word)]
        for word in remote:
            yield LintFinding(
                id="no-remote-add",
                file=dockerfile.path,
                line=add.line,
                what=f"ADD downloads {word.strip(chr(34) + chr(39))}",
                why="the content behind the URL can change or disappear, so the same sources can build another image",
                fix="keep the file in the repository, or install it with a package manager whose lockfile pins its hash",
            )


def _secrets(dockerfile: Dockerfile) -> Iterator[LintFinding]:
    for found in dockerfile.instructions:
        if found.keyword in {"ARG", "ENV"}:
            for name, _ in found.pairs:
                if _SECRET.search(name) and not _NO_SECRET.search(name):
                    yield LintFinding(
                        id="no-secret-args",
                        file=dockerfile.path,
                        line=found.line,
                        what=f"{found.keyword} {name} looks like a secret",
                        why="build args and variables stay readable in the image and its history",
                        fix="mount it: RUN --mount=type=secret,id=…; a process reads it from secrets in service.yaml",
                    )


def _tags(dockerfile: Dockerfile) -> Iterator[LintFinding]:
    for image, instruction in dockerfile.images():
        last = image.rsplit("/", 1)[-1]
        if image.startswith(BASE) or "@" in last or not image:
            continue
        tag = last.partition(":")[2]
        if tag in {"", "latest"}:
            yield LintFinding(
                id="pin-tag",
                file=dockerfile.path,
                line=instruction.line,
                what=f"{image} has {'the tag latest' if tag else 'no tag, which means latest'}",
                why="the tag can move, so the same sources can build another image",
                fix=f"name a version, for example {image.partition(':')[0]}:<version>, or a digest",
            )


def _run_time(dockerfile: Dockerfile, stage: Stage, purpose: Purpose) -> Iterator[LintFinding]:
    instructions = _chained(dockerfile, stage)
    last = {found.keyword: found for found in instructions}
    name = f"stage {stage.name}" if stage.name else "the last stage"

    def finding(rule: str, at: Instruction | None, *, what: str, why: str, fix: str) -> LintFinding:
        line = (at or stage.instruction).line
        return LintFinding(id=rule, file=dockerfile.path, line=line, what=what, why=why, fix=fix)

    user = last.get("USER")
    numeric = _NUMERIC.match(user.arguments.strip()) if user else None
    if numeric is None or int(numeric[1]) == 0:
        yield finding(
            "run-as-non-root",
            user,
            what=f"{name} runs as {user.arguments.strip() if user else 'root, or as the user of its base image'}",
            why="Kubernetes can check runAsNonRoot only for a numeric user, and root in a container is root for the kernel",
            fix="end the stage with USER 10001:10001",
        )
    for keyword in ("ENTRYPOINT", "CMD"):
        if keyword in last and last[keyword].exec_form is None:
            yield finding(
                "use-exec-form",
                last[keyword],
                what=f"{keyword} is in shell form",
                why="a shell becomes process 1, which forwards no signals, and the image must contain one",
                fix=f'write {keyword} ["program", "argument"]',
            )
    runs_itself = purpose.service or "EXPOSE" in last
    if runs_itself and "STOPSIGNAL" not in last:
        yield finding(
            "set-stopsignal",
            None,
            what=f"{name} has no STOPSIGNAL",
            why="a base image may have set another signal than the process listens to",
            fix="write STOPSIGNAL SIGTERM, or the signal on which the process finishes its current work",
        )
    if purpose.service:
        exposed = [port for part in dockerfile.chain(stage) for port in part.ports]
        expected = [str(purpose.port)] if purpose.port else []
        if sorted(set(exposed)) != expected:
            yield finding(
                "expose-port",
                last.get("EXPOSE"),
                what=f"{name} exposes {' and '.join(exposed) or 'no port'}",
                why=f"the service listens on {purpose.port}" if purpose.port else "service.yaml has no port",
                fix=f"write EXPOSE {purpose.port}" if purpose.port else "remove EXPOSE, or set port in service.yaml",
            )
