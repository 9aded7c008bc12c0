"""Why a step was not found in the cache: the first of its inputs that differs from those of the build before."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moorage.report.model import Build, Source, Step

FIRST = "no earlier build of this image is known"
GONE = "unchanged: the builder no longer had its result"
UNKNOWN = "files that it copies have changed, as far as is known"
_SHOWN_FILES = 3
_SHOWN_TEXT = 80


def explained(build: Build, before: Build | None) -> Build:
    """Return the build with the reason of each miss, found by comparison with the build ``before``."""
    reasons = _Reasons(build, before)
    steps = [
        step if step.cached or step.base else step.model_copy(update={"missed": reasons.of(step)})
        for step in build.steps
    ]
    return build.model_copy(update={"steps": steps})


class _Reasons:
    """Compares the steps of two builds."""

    def __init__(self, build: Build, before: Build | None) -> None:
        self._build = build
        self._before = before
        self._steps = {step.key: step for step in build.steps}
        self._old_text = {(step.stage, step.text): step for step in before.steps} if before else {}
        self._old_number = {step.key: step for step in before.steps} if before else {}

    def of(self, step: Step) -> str:
        """Return why a step was not found."""
        return self._changed(step) or GONE

    def _changed(self, step: Step) -> str:
        """Return the first thing that differs in a step or above it; empty where nothing does."""
        if self._before is None:
            return FIRST
        old = self._old(step)
        if old is None:
            return "the instruction is new"
        for source, old_source in zip(step.sources, [*old.sources, *[None] * len(step.sources)], strict=False):
            if why := self._source(source, old_source):
                return why
        if old.text != step.text:
            return f"the instruction changed: {difference(old.text, step.text)}"
        names = [*step.definition, *(name for name in old.definition if name not in step.definition)]
        changed = [name for name in names if step.definition.get(name) != old.definition.get(name)]
        return f"{changed[0]} changed" if changed else ""

    def _old(self, step: Step) -> Step | None:
        """Return the step of the build before that this one corresponds to: of the same text, else in the same place."""
        same = self._old_text.get((step.stage, step.text))
        if same is not None:
            return same
        there = self._old_number.get(step.key)
        moved = there is not None and (there.stage, there.text) in {
            (other.stage, other.text) for other in self._build.steps
        }
        return None if moved else there

    def _source(self, source: Source, old: Source | None) -> str:
        if source.kind == "context":
            return self._files(source)
        if source.kind == "image":
            before = old.name if old else ""
            return "" if before == source.name else f"the base image changed: {_short(before)} → {_short(source.name)}"
        above = self._steps.get(source.name)
        if above is None or (above.cached and not above.base):
            return ""
        if above.base:
            return self._base(above)
        why = self._changed(above)
        if not why:
            return ""
        return why if why.startswith("after ") or why == FIRST else f"after {above.instruction[:_SHOWN_TEXT]}: {why}"

    def _base(self, above: Step) -> str:
        old = self._old_number.get(above.key)
        new, before = (
            above.definition.get("the base image", ""),
            (old.definition.get("the base image", "") if old else ""),
        )
        return "" if new == before else f"the base image changed: {_short(before)} → {_short(new)}"

    def _files(self, source: Source) -> str:
        before = self._before
        if before is None:
            return ""
        new = {path: digest for path, digest in self._build.files.items() if copies(source.paths, path)}
        old = {path: digest for path, digest in before.files.items() if copies(source.paths, path)}
        if not before.files or not self._build.files:
            return f"{UNKNOWN}: {', '.join(source.paths)}"
        words = [
            *(f"{path} changed" for path in sorted(new.keys() & old.keys()) if new[path] != old[path]),
            *(f"{path} is new" for path in sorted(new.keys() - old.keys())),
            *(f"{path} is gone" for path in sorted(old.keys() - new.keys())),
        ]
        more = f" and {len(words) - _SHOWN_FILES} more" if len(words) > _SHOWN_FILES else ""
        return ", ".join(words[:_SHOWN_FILES]) + more


def difference(old: str, new: str) -> str:
    """Return what differs between two texts, by whole words, as ``old → new``."""
    was, now = old.split(), new.split()
    while was and now and was[0] == now[0]:
        was, now = was[1:], now[1:]
    while was and now and was[-1] == now[-1]:
        was, now = was[:-1], now[:-1]
    return f"{_cut(was)} → {_cut(now)}"


def _cut(words: list[str]) -> str:
    text = " ".join(words) or "nothing"
    return text if len(text) <= _SHOWN_TEXT else f"{text[:_SHOWN_TEXT]}…"


def copies(patterns: list[str], path: str) -> bool:
    """Whether what COPY names takes a file along."""
    return any(
        pattern in ("", path) or path.startswith(f"{pattern}/") or fnmatch.fnmatchcase(path, pattern)
        for pattern in patterns
    )


def _short(reference: str) -> str:
    name, _, digest = reference.partition("@sha256:")
    return f"{name.rpartition('/')[2]}@{digest[:12]}" if digest else name or "none"
