"""Files of the checkout in pods: whatever happens to them, and to the pods."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from moorage.base.console import Step
from moorage.dev import receiver
from moorage.dev.link import Link
from tests.unit.dev.pods_here import Workbench, holds, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def program() -> Path:
    return receiver.program(Step("receiver", ""))


@pytest.fixture
def bench(tmp_path: Path, program: Path) -> Iterator[Workbench]:
    found = Workbench(tmp_path, program)
    yield found
    found.close()


def _equal(bench: Workbench, pod: str) -> Callable[[], bool]:
    return lambda: bench.in_pod(pod) == holds(bench.source)


async def test_a_new_pod_has_the_checkout_before_its_service_starts(bench: Workbench) -> None:
    (bench.source / "new.py").write_text("new")
    (bench.source / "both.py").write_text("checkout")
    (bench.checkout / "libs/lib/lib/lib.py").write_text("lib")
    bench.start()
    await bench.pod("one", **{"both.py": "image", "old.py": "image"})
    await until((bench.gateway.root / "one/state/ready").exists)
    assert bench.in_pod("one") == holds(bench.source)
    assert bench.in_pod("one", 1) == holds(bench.checkout / "libs/lib/lib")


async def test_every_kind_of_change_arrives_in_every_pod(bench: Workbench) -> None:
    bench.start()
    for pod in ("one", "two"):
        await bench.pod(pod)
    source = bench.source
    steps: list[Callable[[], object]] = [
        lambda: (source / "a.py").write_text("first"),
        lambda: (source / "a.py").write_text("other"),  # the same size
        lambda: (source / "a.py").chmod(0o755),
        lambda: (source / "déjà vu 1.txt").write_bytes(os.urandom(1 << 21)),
        lambda: (source / "deep/er/still").mkdir(parents=True),
        lambda: (source / "deep/er/.hidden").write_text(""),
        lambda: (source / "link").symlink_to("a.py"),
        lambda: (source / "dangling").symlink_to("/no/where"),
        lambda: (source / "a.py").rename(source / "b.py"),
        lambda: (source / "deep").rename(source / "deeper"),
        lambda: shutil.rmtree(source / "deeper"),
        (source / "link").unlink,
        (source / "link").mkdir,  # a folder where a link was
        lambda: (source / "link/in.py").write_text("in"),
        lambda: shutil.rmtree(source / "link"),
        lambda: (source / "link").write_text("a file where a folder was"),
    ]
    for step in steps:
        before = set(source.rglob("*"))
        step()
        bench.changed(*(before ^ set(source.rglob("*"))), *source.rglob("*"))
        for pod in ("one", "two"):
            await until(_equal(bench, pod))
    assert bench.shown.problems == []


async def test_what_the_ignore_file_leaves_out_stays_here(bench: Workbench) -> None:
    bench.start()
    await bench.pod("one")
    (bench.source / "__pycache__").mkdir()
    (bench.source / "__pycache__/a.pyc").write_text("")
    (bench.source / "a.py").write_text("")
    bench.changed(bench.source / "__pycache__/a.pyc", bench.source / "a.py")
    await until((bench.gateway.root / "one/source/0/a.py").exists)
    assert not (bench.gateway.root / "one/source/0/__pycache__").exists()


async def test_a_receiver_that_dies_is_connected_again_and_brought_up_to_date(bench: Workbench) -> None:
    bench.start()
    await bench.pod("one")
    await until(lambda: bench.gateway.connections)
    await bench.gateway.connections[0].close()
    (bench.source / "a.py").write_text("while it was away")
    bench.changed(bench.source / "a.py")
    await until(_equal(bench, "one"))


async def test_a_second_session_is_told_who_the_first_is(bench: Workbench) -> None:
    bench.start()
    await bench.pod("one")
    await until((bench.gateway.root / "one/state/ready").exists)
    bench.start()
    bench.announce("one")
    await until(lambda: bench.shown.problems)
    assert f'"pid": {os.getpid()}' in bench.shown.problems[0]
    assert "another `moorage dev` is connected" in bench.shown.problems[0]


async def test_a_pod_without_a_session_starts_with_what_its_image_holds(bench: Workbench) -> None:
    bench.start()
    bench.announce = lambda *_: None  # type: ignore[method-assign]
    await bench.pod("one", **{"a.py": "image"})
    assert bench.in_pod("one")["a.py"][0] == b"image"
    assert not (bench.gateway.root / "one/state/ready").exists()


async def test_a_full_volume_is_told_by_file(bench: Workbench) -> None:
    bench.start()
    await bench.pod("one")
    await until((bench.gateway.root / "one/state/ready").exists)
    # What cannot be written: a folder stands where the file is prepared, as a volume that is full cannot be had here.
    for number in range(40):
        (bench.gateway.root / "one/staging" / str(number) / "in").mkdir(parents=True, exist_ok=True)
    (bench.source / "a.py").write_text("x")
    bench.changed(bench.source / "a.py")
    await until(lambda: bench.shown.problems)
    assert "0/a.py" in bench.shown.problems[0]
    for number in range(40):
        shutil.rmtree(bench.gateway.root / "one/staging" / str(number))
    await until(_equal(bench, "one"))


async def test_what_a_container_writes_comes_back_where_that_is_declared_and_reaches_the_other_pods(
    bench: Workbench,
) -> None:
    bench.two_way = ["/app/code/made"]
    (bench.source / "made").mkdir()
    bench.start()
    for pod in ("one", "two"):
        await bench.pod(pod)
        await until((bench.gateway.root / pod / "state/ready").exists)
        await until(_equal(bench, pod))
    made = bench.gateway.root / "one/source/0/made"
    (made / "deep").mkdir()
    (made / "deep/schema.json").write_text("{}")
    (made.parent / "elsewhere.py").write_text("not declared")
    await until((bench.source / "made/deep/schema.json").exists)
    await until((bench.gateway.root / "two/source/0/made/deep/schema.json").exists)
    shutil.rmtree(made / "deep")
    await until(lambda: not (bench.source / "made/deep").exists())
    assert not (bench.source / "elsewhere.py").exists()


async def test_a_path_that_leads_out_of_the_source_is_refused(bench: Workbench) -> None:
    bench.start()
    await bench.pod("one")
    await until((bench.gateway.root / "one/state/ready").exists)
    connection = await bench.gateway.run("", "one", "", ["", "attach", "", json.dumps({})])
    await connection.close()
    outside = bench.root / "outside"
    outside.mkdir()
    (bench.source / "out").symlink_to(outside)
    bench.changed(bench.source / "out")
    await until(_equal(bench, "one"))
    (bench.source / "out").unlink()
    (bench.source / "out").mkdir()
    (bench.source / "out/a.py").write_text("inside")
    bench.changed(bench.source / "out", bench.source / "out/a.py")
    await until(_equal(bench, "one"))
    assert list(outside.iterdir()) == []


async def test_two_saves_within_a_tick_of_the_file_systems_clock_are_told_apart(bench: Workbench) -> None:
    path = bench.source / "a.py"
    service = bench.start()
    for number in range(200):
        path.write_text(f"{number:4}")
        assert service.changed([path.relative_to(bench.checkout).as_posix()], 0.0)


@pytest.mark.parametrize("name", ["0/elsewhere.py", "0/made/../elsewhere.py", "1/lib.py", "0/made/out/in.py"])
async def test_a_pod_cannot_write_into_the_checkout_beside_what_is_declared(
    bench: Workbench, tmp_path: Path, name: str
) -> None:
    bench.two_way = ["/app/code/made"]
    outside = tmp_path / "outside"
    outside.mkdir()
    (bench.source / "made").mkdir()
    (bench.source / "made/out").symlink_to(outside)
    service = bench.start()
    before = holds(bench.checkout)
    link = Link(gateway=service.gateway, namespace="", pod="one", tree=service.tree, listener=service)
    service.heard(link, {"kind": "change", "operations": [{"op": "put", "path": name, "mode": 420, "size": 1}]}, b"x")
    assert len(bench.shown.problems) == 1
    assert holds(bench.checkout) == before
    assert list(outside.iterdir()) == []
