"""Mistakes in service.yaml and image.yaml: in a small monorepo that loads, until one of its files is spoiled."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from moorage.config.modelkeys import known_keys
from moorage.config.service import Service
from tests.properties.mistakes import refused, words
from tests.unit.config_samples import BACKEND, Monorepo

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hypothesis.strategies import DataObject

    from moorage.base.errors import Problem

SERVICE, WORKER, STACK = "apps/backend/service.yaml", "apps/worker/service.yaml", "Pulumi.dev.yaml"
FILES = (SERVICE, WORKER, STACK, "images/python/image.yaml")
BROKEN_LINES = (
    *("key: [unclosed", "key: {unclosed: ", 'key: "unclosed', "key: 'unclosed", "a: b: c", "\tkey: value", "*nowhere"),
    *(
        "key: @reserved",
        "key: `reserved`",
        'key: "\\q"',
        "? [a]: b",
        "key: !!python/name:os.system ''",
        "key",
        ": value",
    ),
    *("key: 1\nkey: 2", "--- second", "<<: {a: b}", "key: &a [*a]", "\x07", "key: %directive", "    indented: too far"),
)
QUANTITY = re.compile(r"[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?")


def broken_line(data: DataObject, folder: Path) -> Sequence[Problem]:
    """A line that is no YAML, or not the YAML that it looks like, anywhere in any file."""
    monorepo, file = Monorepo(folder), data.draw(st.sampled_from(FILES))
    lines = (folder / file).read_text().splitlines()
    lines.insert(data.draw(st.integers(0, len(lines))), data.draw(st.sampled_from(BROKEN_LINES)))
    monorepo.write(file, "\n".join(lines) + "\n")
    return refused(monorepo.load)


def any_bytes(data: DataObject, folder: Path) -> Sequence[Problem]:
    """A file that holds anything at all."""
    monorepo, file = Monorepo(folder), data.draw(st.sampled_from(FILES[:3]))
    (folder / file).write_bytes(data.draw(st.binary(max_size=40)))
    return refused(monorepo.load)


def cut_off(data: DataObject, folder: Path) -> Sequence[Problem]:
    """A file that ends too early."""
    monorepo = Monorepo(folder)
    monorepo.write(SERVICE, BACKEND[: data.draw(st.integers(0, BACKEND.index("limits:")))])
    return refused(monorepo.load)


def slip_in_a_key(data: DataObject, folder: Path) -> Sequence[Problem]:
    """A key with a letter left out, doubled or exchanged."""
    monorepo = Monorepo(folder)
    key = data.draw(st.sampled_from(["name", "kind", "port", "startupProbe", "resources", "scaling", "needs", "route"]))
    place = data.draw(st.integers(0, len(key) - 1))
    slips = (
        key[:place] + key[place + 1 :],
        key[:place] + key[place] + key[place:],
        f"{key[:place]}x{key[place + 1 :]}",
    )
    slip = data.draw(st.sampled_from([slip for slip in slips if slip and slip not in known_keys(Service)]))
    monorepo.write(SERVICE, re.sub(rf"^{key}:", f"{slip}:", BACKEND, flags=re.MULTILINE))
    return refused(monorepo.load)


def wrong_type(data: DataObject, folder: Path) -> Sequence[Problem]:
    """A value of another kind than its key's."""
    monorepo = Monorepo(folder)
    key, old, wrong = data.draw(
        st.sampled_from(
            [
                ("name", "backend", ["1", "[a]", "{a: b}", "true", "null", "''"]),
                ("kind", "web", ["wbe", "Web", "job", "1", "[]", "null"]),
                ("port", "8000", ["'8000'", "80.5", "http", "true", "[8000]", "null", "80", "65536", "-1", "1e99"]),
                (
                    "needs",
                    "[postgres, redis]",
                    ["postgres", "{postgres: redis}", "[1]", "[redis, redis]", "null", "['']"],
                ),
                ("minReplicas", "2", ["0", "-2", "two", "11", "1001", "2.5", "null"]),
                ("periodSeconds", "1", ["0", "301", "1s", "true", "-1"]),
                ("path", "/api", ["api", "/a b", "/a?b", "1", "null"]),
                ("env", "\n  LOG_LEVEL: INFO", [" {LOG_LEVEL: 1}", " {1X: a}", " [a]", " {A: null}", " {A: {b: c}}"]),
            ]
        )
    )
    text = f"{key}:{old}" if old.startswith("\n") else f"{key}: {old}"
    assert BACKEND.count(text) >= 1
    monorepo.write(SERVICE, BACKEND.replace(text, f"{key}: {data.draw(st.sampled_from(wrong)).strip()}"))
    return refused(monorepo.load)


def no_quantity(data: DataObject, folder: Path) -> Sequence[Problem]:
    """An amount of cpu or memory that is none."""
    monorepo = Monorepo(folder)
    known = ["1GB", "-1", "1e3", "", "0", "12 Mi", "٣", "0.0001", "Mi", "1Ei", "100m Mi", "1,5", "0x10", "Infinity"]
    free = st.text(st.characters(max_codepoint=0xD7FF), max_size=8)
    text = data.draw(st.sampled_from(known) | free.filter(lambda text: not QUANTITY.fullmatch(text)))
    old = data.draw(st.sampled_from(["cpu: 500m", "memory: 1Gi", "cpu: 2", "memory: 4Gi"]))
    key = old.partition(":")[0]
    monorepo.write(SERVICE, BACKEND.replace(f"{old}", f"{key}: {json.dumps(text)}", 1))
    return refused(monorepo.load)


def limits_below_requests(data: DataObject, folder: Path) -> Sequence[Problem]:
    """A container that may use less than is reserved for it."""
    monorepo = Monorepo(folder)
    least, most = sorted(data.draw(st.lists(st.integers(2, 9000), min_size=2, max_size=2, unique=True)))
    unit, key = data.draw(st.sampled_from([("m", "cpu"), ("Mi", "memory")]))
    old = {"cpu": ("500m", "2"), "memory": ("1Gi", "4Gi")}[key]
    text = BACKEND.replace(f"{key}: {old[1]}", f"{key}: {least}{unit}", 1)
    monorepo.write(SERVICE, text.replace(f"{key}: {old[0]}", f"{key}: {most}{unit}", 1))
    return refused(monorepo.load)


def contradictory_probe(data: DataObject, folder: Path) -> Sequence[Problem]:
    """A probe that checks nothing, or two things, or for longer than its period."""
    monorepo = Monorepo(folder)
    probe = data.draw(
        st.sampled_from(["{}", "{httpGet: {path: /}, tcpSocket: {}}", "{exec: {command: []}}", "{httpGet: {}}", "[]"])
        | st.integers(2, 60).map(
            lambda period: f"{{tcpSocket: {{}}, periodSeconds: {period - 1}, timeoutSeconds: {period}}}"
        )
    )
    monorepo.write(SERVICE, BACKEND.replace("livenessProbe:\n  httpGet: {path: /health}", f"livenessProbe: {probe}"))
    return refused(monorepo.load)


def unknown_need(data: DataObject, folder: Path) -> Sequence[Problem]:
    """A need, base image or library that does not exist."""
    monorepo = Monorepo(folder)
    name = data.draw(st.sampled_from(["postgers", "reddis", "bakend", "wroker"]) | words(2).map("x{}".format))
    old, new = data.draw(
        st.sampled_from(
            [
                ("[postgres, redis]", f"[redis, {name}]"),
                ("bases: [python]", f"bases: [python, {name}]"),
                ("libs: [harbour]", f"libs: [{name}]"),
            ]
        )
    )
    monorepo.change(SERVICE, old, new)
    return refused(monorepo.load)


def circle(data: DataObject, folder: Path) -> Sequence[Problem]:
    """Services that need each other in a circle, or base images that are built from each other."""
    monorepo = Monorepo(folder)
    length = data.draw(st.integers(1, 5))
    images = data.draw(st.booleans())
    for index in range(length):
        name, following = f"ring-{index}", f"ring-{(index + 1) % length}"
        home = f"{'images' if images else 'apps'}/{name}"
        text = BACKEND.replace("name: backend", f"name: {name}").replace("[postgres, redis]", f"[{following}]")
        text = text.replace("path: /api", f"path: /{name}")
        monorepo.write(f"{home}/Dockerfile", "")
        if images:
            monorepo.write(f"{home}/image.yaml", f"build:\n  bases: [{following}]\n")
        else:
            monorepo.write(f"{home}/service.yaml", text)
    return refused(monorepo.load)


def missing_dockerfile(data: DataObject, folder: Path) -> Sequence[Problem]:
    """A Dockerfile that is not where it is said to be."""
    monorepo = Monorepo(folder)
    if data.draw(st.booleans()):
        (folder / data.draw(st.sampled_from(["apps/backend", "images/python"])) / "Dockerfile").unlink()
    else:
        monorepo.change(SERVICE, "build:\n", f"build:\n  dockerfile: {data.draw(words())}/Dockerfile\n")
    return refused(monorepo.load)


def wrong_name(data: DataObject, folder: Path) -> Sequence[Problem]:
    """A service that is not called what its folder is, or is called what something else is."""
    monorepo = Monorepo(folder)
    name = data.draw(
        st.sampled_from(["postgres", "redis", "database", "python", "worker", "Backend", "back_end", "-", "a" * 41])
    )
    monorepo.change(SERVICE, "name: backend", f"name: {name}")
    return refused(monorepo.load)


def two_of_one_route(data: DataObject, folder: Path) -> Sequence[Problem]:
    """Two services that both answer the same requests."""
    monorepo = Monorepo(folder)
    path = f"/{data.draw(words())}"
    for name, slash in (("backend", ""), ("other", data.draw(st.sampled_from(["", "/"])))):
        text = BACKEND.replace("name: backend", f"name: {name}").replace("path: /api", f"path: {path}{slash}")
        monorepo.write(f"apps/{name}/service.yaml", text)
        monorepo.write(f"apps/{name}/Dockerfile", "")
    return refused(monorepo.load)


def misnamed_or_missing_files(data: DataObject, folder: Path) -> Sequence[Problem]:
    """Files with another ending, a folder in the place of a file, or no service at all."""
    monorepo = Monorepo(folder)
    kind = data.draw(st.sampled_from(["ending", "folder", "nothing"]))
    for path in (folder / SERVICE, folder / WORKER)[: 2 if kind == "nothing" else 1]:
        if kind == "ending":
            path.rename(path.with_suffix(".yml"))
        else:
            path.unlink()
        if kind == "folder":
            path.mkdir()
    return refused(monorepo.load)


SYNTAX = (broken_line, any_bytes, cut_off, slip_in_a_key, wrong_type, no_quantity)
RULES = (
    limits_below_requests,
    contradictory_probe,
    unknown_need,
    circle,
    missing_dockerfile,
    wrong_name,
    two_of_one_route,
    misnamed_or_missing_files,
)
