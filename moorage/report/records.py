"""From BuildKit's record of a build (vertices, provenance, inspection) to a `Build`. Pure: nothing is asked here."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import TYPE_CHECKING, Any

from moorage.report.model import Build, Source, Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_STEP = re.compile(r"\[(?:(?P<stage>.*?) +)?(?P<number>[0-9]+)/[0-9]+\] (?P<text>.*)", re.DOTALL)
_LOCAL, _IMAGE = "local://", "docker-image://"
_SOLE_STAGE = "stage-0"
"""What BuildKit calls a stage without a name; it leaves the name out where there is only one."""


def build_of(image: str, inspected: Mapping[str, Any], progress: str, provenance: Mapping[str, Any]) -> Build:
    """Return a build from what ``buildx history`` tells of it.

    ``inspected`` is the record, ``progress`` its log as raw JSON, ``provenance`` its SLSA predicate of version 1.
    """
    return Build(
        image=image,
        dockerfile=inspected["Dockerfile"],
        target=inspected.get("Target", ""),
        reference=inspected["Ref"],
        started=moment(inspected["StartedAt"]),
        seconds=inspected["Duration"] / 1e9,
        revision=inspected.get("VCSRevision", ""),
        arguments={entry["Name"]: entry["Value"] for entry in inspected.get("BuildArgs") or []},
        steps=_steps(vertices(progress), provenance, moment(inspected["StartedAt"])),
        digest=next(
            (entry["Digest"] for entry in inspected.get("Attachments") or [] if "manifest" in entry["Type"]), ""
        ),
    )


def moment(text: str) -> dt.datetime:
    """Return the time that Go wrote with nanoseconds."""
    return dt.datetime.fromisoformat(re.sub(r"(\.[0-9]{6})[0-9]+", r"\1", text))


def vertices(progress: str) -> dict[str, dict[str, Any]]:
    """Return each vertex of a solve by its digest: ``name``, ``inputs``, ``cached``, ``seconds`` and ``started``.

    BuildKit tells the same vertex again with each change; several times at work add up.
    """
    found: dict[str, dict[str, Any]] = {}
    spans: dict[str, set[tuple[str, str]]] = {}
    for document in documents(progress):
        for entry in document.get("vertexes") or []:
            vertex = found.setdefault(entry["digest"], {"cached": False, "inputs": [], "started": ""})
            vertex |= {"name": entry["name"], "inputs": entry.get("inputs") or vertex["inputs"]}
            vertex["cached"] = bool(entry.get("cached", False)) if entry.get("completed") else vertex["cached"]
            vertex["started"] = vertex["started"] or entry.get("started") or ""
            if entry.get("started") and entry.get("completed"):
                spans.setdefault(entry["digest"], set()).add((entry["started"], entry["completed"]))
    for digest, vertex in found.items():
        times = [(moment(began), moment(ended)) for began, ended in spans.get(digest, ())]
        vertex["seconds"] = sum((ended - began).total_seconds() for began, ended in times)
    return found


def documents(text: str) -> Iterable[dict[str, Any]]:
    """Yield the JSON documents that stand one after the other in a text."""
    decoder, position = json.JSONDecoder(), 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        document, position = decoder.raw_decode(text, position)
        yield document


def _steps(found: Mapping[str, dict[str, Any]], provenance: Mapping[str, Any], began: dt.datetime) -> list[Step]:
    internal = provenance["buildDefinition"].get("internalParameters", {}).get("buildConfig", {})
    definitions = {entry["id"]: entry for entry in internal.get("llbDefinition", [])}
    digests = {step: digest for digest, step in internal.get("digestMapping", {}).items()}
    metadata = provenance["runDetails"]["metadata"].get("buildkit_metadata", {})
    lines = {step: _line(entry) for step, entry in metadata.get("source", {}).get("locations", {}).items()}
    names = {step: found[digest]["name"] for step, digest in digests.items() if digest in found}
    steps = []
    for identity, name in names.items():
        match = _STEP.fullmatch(name)
        if match is None:
            continue
        vertex, entry = found[digests[identity]], definitions[identity]
        text = " ".join(match["text"].split())
        steps.append(
            Step(
                stage=match["stage"] or _SOLE_STAGE,
                number=int(match["number"]),
                text=text,
                line=lines.get(identity, 0),
                base=text.startswith("FROM "),
                cached=vertex["cached"],
                offset=_offset(vertex["started"], began),
                seconds=round(vertex["seconds"], 3),
                definition=_definition(entry["op"].get("Op", {})),
                sources=_sources(entry, definitions, names),
            )
        )
    return sorted(steps, key=lambda step: (step.line, step.stage, step.number))


def _offset(started: str, began: dt.datetime) -> float:
    return round(max(0.0, (moment(started) - began).total_seconds()), 3) if started else 0.0


def _line(entry: Mapping[str, Any]) -> int:
    lines = [
        part["start"]["line"]
        for place in entry.get("locations") or []
        for part in place.get("ranges") or []
        if part.get("start", {}).get("line")
    ]
    return lines[0] if lines else 0


def _definition(operation: Mapping[str, Any]) -> dict[str, str]:
    """Return what decides about a step beside its sources, in parts that a difference can be named by."""
    if command := operation.get("exec"):
        meta = command["meta"]
        variables = dict(entry.partition("=")[::2] for entry in meta.get("env") or [])
        rest = {name: value for name, value in meta.items() if name not in {"args", "env"}}
        return {
            "the command": " ".join(meta.get("args") or []),
            "its options": json.dumps([rest, command.get("mounts"), command.get("network")], sort_keys=True),
            **{f"the variable {name}": value for name, value in variables.items()},
        }
    if files := operation.get("file"):
        return {"the instruction": json.dumps(files.get("actions"), sort_keys=True)}
    if source := operation.get("source"):
        return {"the base image": source["identifier"].removeprefix(_IMAGE)}
    return {}


def _sources(entry: Mapping[str, Any], definitions: Mapping[str, Any], names: Mapping[str, str]) -> list[Source]:
    """Return what a step is made from, in BuildKit's order."""
    found: list[Source] = []
    for index, given in enumerate(entry.get("inputs") or []):
        identity = given.partition(":")[0]
        source = definitions[identity]["op"].get("Op", {}).get("source", {}).get("identifier", "")
        if source.startswith(_LOCAL):
            found.append(Source(kind="context", name=source.removeprefix(_LOCAL), paths=_copied(entry, index)))
        elif source.startswith(_IMAGE):
            found.append(Source(kind="image", name=source.removeprefix(_IMAGE)))
        elif match := _STEP.fullmatch(names.get(identity, "")):
            found.append(Source(kind="step", name=f"{match['stage'] or _SOLE_STAGE} {match['number']}"))
    return found


def _copied(entry: Mapping[str, Any], index: int) -> list[str]:
    """Return what a step copies from its input of a number; all of it (an empty path) where it is mounted."""
    operation = entry["op"].get("Op", {})
    actions = operation.get("file", {}).get("actions") or []
    copies = [action["Action"].get("copy", {}) for action in actions if action.get("secondaryInput") == index]
    mounts = [mount for mount in operation.get("exec", {}).get("mounts") or [] if mount.get("input") == index]
    return [copy.get("src", "/").strip("/") for copy in copies] + [
        mount.get("selector", "").strip("/") for mount in mounts
    ]
