"""Pulumi's output where nobody watches it: of a build one line at its start and one at its end, all of what failed."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from moorage.base.console import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_IMAGE = re.compile(r"^ *(?P<mark>[-+~=<>@ ]{0,3}) *docker-build:index:Image (?P<name>\S+) (?P<rest>.*)$")
_STATE = re.compile(r"^(?P<state>[a-z]+(?: [a-z]+)?)(?: \((?P<seconds>[\d.]+)s\))?(?: (?P<said>.*))?$")
_BEGUN = ("creating", "updating", "replacing")
_ENDED = ("created", "updated", "created replacement", "replaced")
_RESOURCE = re.compile(r"^ *[-+~=<>]{0,2} *(?P<resource>[\w.-]+:[\w./-]*:\w+ \S+) (?P<rest>.*)$")
_SECONDS = re.compile(r"\([\d.]+s\)")
_AWAITING = "Skipping await logic"
_UNDER_WAY = (*_BEGUN, "deleting", "refreshing", "reading")
_PATH_OF_A_WAIT = re.compile(r"(?:Found )?\{")
"""How Pulumi tells what it waits for where an object says so itself: as a JSONPath."""
_PACK = re.compile(r"^ {4}\S+ \S+@v\S+ \(")
_STEP = re.compile(r"#(?P<number>\d+) (?P<said>.*)")
_DOTS = re.compile(r"^@ [A-Za-z ]+[. ]*$|^Loading policy packs\.*: \w+$")
_FORBIDDEN = re.compile(r'is forbidden: User "(?P<user>[^"]+)" cannot (?P<verb>\w+) resource')
_VIOLATION = re.compile(r"^ *- \[\w+\] ")
_UNJUDGED = re.compile(r"^ *- \[advisory\] .*\blist-unjudged-values\b")
_REMOVE = ("The resources in the stack have been deleted", "If you want to remove the stack completely")


@dataclass
class _Build:
    """What was heard of one image's build."""

    began: float
    log: list[str] = field(default_factory=list)
    steps: set[str] = field(default_factory=set)
    cached: set[str] = field(default_factory=set)

    def hear(self, said: str) -> None:
        # A progress bar comes as one line; its end is all that a log wants of it.
        *_, said = filter(None, ["", *said.split("\r")])
        self.log.append(said)
        if not (match := _STEP.match(said)):
            return
        number, text = match["number"], match["said"]
        if re.match(r"\[(?!internal|auth)", text):
            self.steps.add(number)
        if text.startswith("CACHED"):
            self.cached.add(number)


class Display:
    """Takes the lines of Pulumi's output without a terminal, and gives those that a reader of a log wants."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, preview: bool = False) -> None:
        """Begin with nothing heard of a preview or an update; ``clock`` tells the seconds."""
        self._clock = clock
        self._preview = preview
        self._forbidden: dict[tuple[str, str], list[str]] = {}
        self._builds: dict[str, _Build] = {}
        self._failed: dict[str, _Build] = {}
        self._unjudged = False
        self._last: dict[str, str] = {}
        self._built: set[str] = set()
        self._held: list[str] = []

    def lines(self, line: str) -> Iterator[str]:
        """Yield what is shown for one line."""
        # Of what only the update can judge the summary tells in one line.
        if self._unjudged and (not line.strip() or _VIOLATION.match(line)):
            self._unjudged = False
        self._unjudged = self._unjudged or bool(_UNJUDGED.match(line))
        if self._unjudged or _DOTS.match(line) or any(words in line for words in _REMOVE):
            return
        if self._preview and (refused := _FORBIDDEN.search(line)):
            self._forbidden.setdefault((refused["user"], refused["verb"]), []).append(line)
            return
        if line == "Policies:" or _PACK.match(line):
            self._held.append(line)  # shown where a policy has something to say
            return
        match = _IMAGE.match(line)
        state = _STATE.match(match["rest"]) if match else None
        if match is None or state is None:
            if line.strip():
                yield from self._held
            self._held.clear()
            if not self._repeated(line):
                yield line
            return
        yield from self._image(match["name"].removesuffix("-image"), state, line)

    def _repeated(self, line: str) -> bool:
        """Whether nothing but the seconds is new in what is said of a resource, or only that it is under way."""
        if not (match := _RESOURCE.match(line)):
            return False
        state = _STATE.match(match["rest"].strip())
        if state and state["state"] in _UNDER_WAY and _PATH_OF_A_WAIT.match(state["said"] or "{"):
            return True
        said = _SECONDS.sub("", match["rest"]).strip(" ;")
        before, self._last[match["resource"]] = self._last.get(match["resource"]), said
        return said == before or said.endswith(_AWAITING)

    def _image(self, name: str, state: re.Match[str], line: str) -> Iterator[str]:
        word, said = state["state"], state["said"] or ""
        build = self._builds.get(name)
        if word in _BEGUN and build is None:
            build = self._builds[name] = _Build(self._clock())
            yield f"image {name}: building"
        if build is None:
            if name not in self._built:
                yield line
            return
        if said and not said.startswith(("warning:", "error:")):
            build.hear(said)
        if word in _ENDED:
            del self._builds[name]
            self._built.add(name)
            seconds = float(state["seconds"] or 0) or self._clock() - build.began
            steps = f", {len(build.cached)} of {len(build.steps)} steps cached" if build.steps else ""
            yield f"image {name}: built in {duration(seconds)}{steps}"
        elif "failed" in line or said.startswith("error:"):
            self._failed[name] = build
            if said.startswith(("error:", "warning:")):
                yield line
        elif said.startswith("warning:"):
            yield line

    def end(self, *, failed: bool) -> Iterator[str]:
        """Yield what is left to say: the whole log of each image that failed, folded where the CI system can."""
        for (user, verb), lines in self._forbidden.items():
            if failed:
                yield from dict.fromkeys(lines)
            else:
                yield f"user {user} may not {verb} objects here, so the API server did not check them; an update needs that right"
        unfinished = {**self._builds, **self._failed} if failed else {}
        for name, build in unfinished.items():
            if build.log:
                yield from folded(f"build log of image {name}", build.log)


def folded(title: str, lines: list[str]) -> Iterator[str]:
    """Yield lines under a title, so that the CI system at hand folds them."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        yield f"::group::{title}"
        yield from lines
        yield "::endgroup::"
    elif os.environ.get("GITLAB_CI") == "true":
        section = re.sub(r"[^a-z0-9]+", "_", title.lower())
        yield f"\x1b[0Ksection_start:{int(time.time())}:{section}[collapsed=true]\r\x1b[0K{title}"
        yield from lines
        yield f"\x1b[0Ksection_end:{int(time.time())}:{section}\r\x1b[0K"
    else:
        yield f"{title}:"
        yield from (f"  {line}" for line in lines)
