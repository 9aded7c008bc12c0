"""What a build's record becomes: steps with stage, line and cache; reasons for misses; growth, budgets, the page."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from moorage.report.model import KEPT, Build, LayerSize, Source, Step, Store
from moorage.report.page import render
from moorage.report.reasons import FIRST, GONE, UNKNOWN, difference, explained
from moorage.report.records import build_of, documents, vertices
from moorage.report.sizes import Limits, exceeded, growth

if TYPE_CHECKING:
    from pathlib import Path

START = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
BASE = "registry/base@sha256:" + "a" * 64


def step(number: int, text: str, *sources: Source, definition: dict[str, str] | None = None) -> Step:
    return Step(
        stage="app",
        number=number,
        text=text,
        line=number,
        base=text.startswith("FROM"),
        cached=False,
        seconds=0.5,
        definition=definition or {},
        sources=list(sources),
    )


def above(number: int) -> Source:
    return Source(kind="step", name=f"app {number}")


def build(**changes: Any) -> Build:
    """Return a build of four steps: a base, dependencies, the source, and what compiles it."""
    steps = [
        step(1, "FROM base", definition={"the base image": BASE}),
        step(2, "COPY lock /", above(1), Source(kind="context", name="context", paths=["lock"])),
        step(3, "COPY src /src", above(2), Source(kind="context", name="context", paths=["src"])),
        step(4, "RUN compile", above(3), definition={"the command": "compile", "the variable MODE": "fast"}),
    ]
    given = {
        "image": "app",
        "dockerfile": "apps/app/Dockerfile",
        "reference": "r",
        "started": START,
        "seconds": 4.0,
        "steps": steps,
        "files": {"lock": "1", "src/a.py": "1", "src/b.py": "1"},
    }
    return Build.model_validate({**given, **changes})


def changed(before: Build, number: int, **changes: Any) -> Build:
    steps = [s.model_copy(update=changes) if s.number == number else s for s in before.steps]
    return before.model_copy(update={"steps": steps})


def cached(before: Build, *numbers: int) -> Build:
    steps = [s.model_copy(update={"cached": s.number in numbers}) for s in before.steps]
    return before.model_copy(update={"steps": steps})


def missed(now: Build, before: Build | None) -> dict[int, str]:
    return {s.number: s.missed for s in explained(now, before).steps if s.missed}


def test_the_first_build_has_nothing_to_be_compared_with() -> None:
    assert missed(build(), None) == {2: FIRST, 3: FIRST, 4: FIRST}


def test_a_changed_file_is_named_and_what_follows_says_what_it_follows() -> None:
    now = cached(build(files={"lock": "1", "src/a.py": "2", "src/c.py": "1"}), 2)
    assert missed(now, build()) == {
        3: "src/a.py changed, src/c.py is new, src/b.py is gone",
        4: "after [app] COPY src /src: src/a.py changed, src/c.py is new, src/b.py is gone",
    }


def test_many_changed_files_are_counted() -> None:
    files = {f"src/{number}": "2" for number in range(9)}
    old = build(files=dict.fromkeys(files, "1"))
    assert missed(cached(build(files=files), 2, 4), old) == {
        3: "src/0 changed, src/1 changed, src/2 changed and 6 more"
    }


def test_a_changed_base_image_comes_before_all_else() -> None:
    now = changed(build(files={}), 1, definition={"the base image": "registry/base@sha256:" + "b" * 64})
    reason = missed(now, build())[2]
    assert reason == "the base image changed: base@aaaaaaaaaaaa → base@bbbbbbbbbbbb"


def test_a_changed_instruction_variable_or_command_is_named() -> None:
    quick = changed(cached(build(), 2, 3), 4, definition={"the command": "compile", "the variable MODE": "slow"})
    assert missed(quick, build()) == {4: "the variable MODE changed"}
    other = changed(cached(build(), 2, 3), 4, text="RUN compile --all now", definition={"the command": "x"})
    assert missed(other, build()) == {4: "the instruction changed: nothing → --all now"}
    fresh = build(steps=[*cached(build(), 2, 3, 4).steps, step(5, "RUN more", above(4))])
    assert missed(fresh, build()) == {5: "the instruction is new"}


def test_what_did_not_change_at_all_was_lost_by_the_builder() -> None:
    assert missed(cached(build(), 2, 3), build()) == {4: GONE}


def test_without_digests_of_the_files_it_is_not_claimed_that_they_are_known() -> None:
    assert missed(cached(build(), 2, 4), build(files={})) == {3: f"{UNKNOWN}: src"}


def test_a_difference_is_shown_by_whole_words() -> None:
    assert difference("RUN a b c d", "RUN a x c d") == "b → x"
    assert difference("RUN a", "RUN a && " + "y" * 200).endswith("…")


def layer(size: int, made: str) -> LayerSize:
    return LayerSize(digest=f"sha256:{size}", packed=size // 3, unpacked=size, created_by=made)


def test_growth_is_told_by_the_instruction_that_made_the_layer() -> None:
    old = build(layers=[layer(100, "COPY deps"), layer(10, "COPY src"), layer(5, "gone")])
    new = build(layers=[layer(100, "COPY deps"), layer(40, "COPY src")])
    assert [(part.created_by, part.grown) for part in growth(new, old)] == [("COPY src", 30), ("gone", -5)]
    assert growth(new, None) == []


def test_budgets_count_time_and_hit_rate_for_warm_builds_only() -> None:
    limits = Limits(unpacked=99, warm_seconds=3, hit_rate=50)
    cold = build(layers=[layer(100, "x")])
    assert exceeded(cold, limits) == ["100 B unpacked, at most 99 B allowed"]
    assert len(exceeded(cached(cold, 2), limits)) == 3
    assert exceeded(cached(build(seconds=2.0), 2, 3), limits) == []
    assert exceeded(cached(cold, 2), Limits()) == []


def test_from_is_not_counted_as_a_step() -> None:
    found = cached(build(), 1, 2, 3)
    assert (found.cached, len(found.counted), round(found.hit_rate)) == (2, 3, 67)


def test_builds_are_kept_in_order_and_damaged_files_are_passed_over(tmp_path: Path) -> None:
    store = Store(tmp_path / "reports")
    for minutes in (2, 0, 1):
        store.add(build(started=START + dt.timedelta(minutes=minutes), seconds=float(minutes)))
    store.add(build(image="base-app"))
    (store.folder / "20260101-app.json").write_text("{")
    assert [found.seconds for found in store.builds()["app"]] == [0, 1, 2]
    assert store.builds()["base-app"] == [build(image="base-app")]


def test_only_the_last_builds_of_an_image_are_kept(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.add(build(image="other"))
    for number in range(KEPT + 3):
        store.add(build(started=START + dt.timedelta(seconds=number)))
    found = store.builds()
    assert (len(found["app"]), len(found["other"])) == (KEPT, 1)
    assert found["app"][0].started == START + dt.timedelta(seconds=3)


def vertex(name: str, digest: str, *inputs: str, done: bool = True, hit: bool = False) -> dict[str, Any]:
    times = {"started": "2026-11-24T12:00:01.123456789Z", "completed": "2026-11-24T12:00:02.623456789Z"} if done else {}
    return {"digest": digest, "name": name, "inputs": list(inputs), **times, **({"cached": True} if hit else {})}


def record() -> tuple[dict[str, Any], str, dict[str, Any]]:
    """Return a record of the shape that buildx 0.35 and BuildKit 0.31 give."""
    entries = [
        vertex("[internal] load build context", "c"),
        vertex("[app 1/3] FROM docker.io/base", "f", hit=True),
        vertex("[app 2/3] COPY src /src", "s", "f", "c", done=False),
        vertex("[app 2/3] COPY src /src", "s", "f", "c", hit=True),
        vertex("[app 3/3] RUN make     all", "r", "s"),
        vertex("exporting to image", "e"),
    ]
    progress = "\n".join(json.dumps({"vertexes": [entry]}) for entry in entries)
    copy = {"copy": {"src": "/src", "dest": "/src"}}
    definitions = [
        {"id": "step0", "op": {"Op": {"source": {"identifier": f"docker-image://{BASE}"}}}},
        {"id": "step1", "op": {"Op": {"source": {"identifier": "local://context"}}}},
        {
            "id": "step2",
            "inputs": ["step0:0", "step1:0"],
            "op": {"Op": {"file": {"actions": [{"Action": copy, "secondaryInput": 1}]}}},
        },
        {"id": "step3", "inputs": ["step2:0"], "op": {"Op": {"exec": {"meta": {"args": ["make"], "env": ["A=b"]}}}}},
    ]
    mapping = {"f": "step0", "c": "step1", "s": "step2", "r": "step3"}
    places = {"step3": {"locations": [{"ranges": [{"start": {"line": 7}}]}]}}
    provenance = {
        "buildDefinition": {
            "internalParameters": {"buildConfig": {"llbDefinition": definitions, "digestMapping": mapping}}
        },
        "runDetails": {"metadata": {"buildkit_metadata": {"source": {"locations": places}}}},
    }
    inspected = {
        "Dockerfile": "apps/app/Dockerfile",
        "Ref": "abc",
        "StartedAt": "2026-11-24T12:00:00.000000001Z",
        "Duration": 3_500_000_000,
        "BuildArgs": [{"Name": "X", "Value": "y"}],
        "Attachments": [{"Digest": "sha256:1", "Type": "application/vnd.oci.image.manifest.v1+json"}],
    }
    return inspected, progress, provenance


def test_a_record_becomes_steps_with_stage_line_time_and_sources() -> None:
    found = build_of("app", *record())
    assert [(s.key, s.text, s.cached) for s in found.steps] == [
        ("app 1", "FROM docker.io/base", True),
        ("app 2", "COPY src /src", True),
        ("app 3", "RUN make all", False),
    ]
    ran = found.steps[-1]
    assert (ran.line, ran.seconds, ran.offset, ran.definition["the variable A"]) == (7, 1.5, 1.123, "b")
    assert found.steps[1].sources == [
        Source(kind="image", name=BASE),
        Source(kind="context", name="context", paths=["src"]),
    ]
    assert (found.digest, found.seconds, found.arguments) == ("sha256:1", 3.5, {"X": "y"})


def test_a_vertex_that_worked_twice_has_both_times() -> None:
    first = vertex("x", "d")
    second = {**first, "started": "2026-11-24T12:00:05Z", "completed": "2026-11-24T12:00:06Z"}
    text = json.dumps({"vertexes": [first, first, second]})
    assert vertices(text)["d"]["seconds"] == pytest.approx(2.5)
    assert list(documents(' {"a": 1}\n{"b": 2} ')) == [{"a": 1}, {"b": 2}]


def test_the_page_stands_alone_and_escapes_what_it_shows() -> None:
    evil = '<script>alert("x")</script>'
    old = build(layers=[layer(100, "x")], started=START)
    now = changed(build(layers=[layer(150, evil)], started=START + dt.timedelta(hours=1)), 4, text=f"RUN echo {evil}")
    page = render("dev", {"app": [old, explained(now, old)]}, {"app": ["150 B unpacked, at most 99 B allowed"]})
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert "prefers-color-scheme: dark" in page
    assert 'name="viewport"' in page
    assert "Over its budget: 150 B unpacked" in page
    assert "+50 B" in page
    for chart in page.split("<svg")[1:]:
        ET.fromstring("<svg" + chart.split("</svg>")[0] + "</svg>")
    assert page.count("<polyline") == 3
