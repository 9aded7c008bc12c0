"""The toolchain builder with the real Go compiler, on modules that a proxy in a folder serves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from moorage.base.console import Step
from moorage.base.errors import MoorageError
from moorage.platform import pins, toolchain, toolchain_builder
from moorage.platform.layout import Layout
from moorage.platform.pins import Component, components
from moorage.platform.toolchain_builder import ToolchainBuilder
from tests.support.stack import eventually

MODULE = "example.test/greeting"
VERSION = "v1.0.0"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Go keeps of a build of hello from nothing: its own runtime, which no test is about, takes seconds."""
    folder = tmp_path_factory.mktemp("compiled")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOORAGE_CACHE", str(folder))
        patch.setattr(toolchain_builder, "discard", lambda _: None)
        ToolchainBuilder().build([component(folder / "hello", HELLO)])
    assert (folder / "go" / "build").is_dir()
    return folder / "go" / "build"


@pytest.fixture
def warm(cache: Path, compiled: Path) -> Path:
    """The cache, with what Go would compile first."""
    shutil.copytree(compiled, cache / "go" / "build")
    return cache


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("MOORAGE_CACHE", str(folder))
    monkeypatch.setenv("MOORAGE_TOOLCHAIN", "build")
    monkeypatch.setattr(toolchain_builder, "FIRST_WAIT_SECONDS", 0.01)
    return folder


@pytest.fixture
def proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Go module proxy in a folder, with one module."""
    folder = tmp_path / "proxy" / MODULE / "@v"
    folder.mkdir(parents=True)
    (folder / f"{VERSION}.info").write_text(f'{{"Version":"{VERSION}","Time":"2024-01-01T00:00:00Z"}}')
    (folder / f"{VERSION}.mod").write_text(f"module {MODULE}\n\ngo 1.21\n")
    with zipfile.ZipFile(folder / f"{VERSION}.zip", "w") as archive:
        archive.writestr(f"{MODULE}@{VERSION}/go.mod", f"module {MODULE}\n\ngo 1.21\n")
        archive.writestr(f"{MODULE}@{VERSION}/greeting.go", 'package greeting\n\nconst Text = "hello"\n')
    monkeypatch.setenv("GOPROXY", f"file://{tmp_path / 'proxy'}")
    monkeypatch.setenv("GONOSUMDB", "*")
    monkeypatch.setenv("GOSUMDB", "off")
    return tmp_path / "proxy"


def component(folder: Path, source: str, *, requires: bool = False) -> Component:
    """Write a component's folder and return it, as its pins read."""
    folder.mkdir(parents=True)
    require = f"\nrequire {MODULE} {VERSION}\n" if requires else ""
    (folder / "go.mod").write_text(f"module example.test/{folder.name}\n\ngo 1.21\n{require}")
    (folder / "main.go").write_text(source)
    (folder / "component.toml").write_text(
        f'version = "1.0"\ngroup = "test"\nweight = 0.001\nlinks = ["alias"]\nbinaries.{folder.name} = "."\n'
    )
    return pins._read(folder)


HELLO = 'package main\n\nfunc main() { println("hello") }\n'
USES_MODULE = f'package main\n\nimport "{MODULE}"\n\nfunc main() {{ println(greeting.Text) }}\n'


def sum_of(folder: Path, tmp_path: Path) -> None:
    """Write the true go.sum of a component's folder."""
    env = os.environ | {"GOFLAGS": "-mod=mod -modcacherw", "GOMODCACHE": str(tmp_path / "mod")}
    subprocess.run(["go", "mod", "tidy"], cwd=folder, env=env, check=True, capture_output=True)


def test_a_component_is_built_once_with_its_links_and_leaves_no_cache_behind(warm: Path, tmp_path: Path) -> None:
    hello = component(tmp_path / "hello", HELLO)
    assert ToolchainBuilder().build([hello]) == 1
    binaries = warm / "toolchain" / hello.folder / "bin"
    for name in ("hello", "alias"):
        run = subprocess.run([binaries / name], capture_output=True, text=True, check=True)
        assert run.stderr == "hello\n"
    assert not (warm / "go").exists()
    assert ToolchainBuilder().build([hello]) == 0


def test_changed_pins_ask_for_another_build(warm: Path, tmp_path: Path) -> None:
    first = component(tmp_path / "a" / "hello", HELLO)
    second = component(tmp_path / "b" / "hello", HELLO.replace("hello", "goodbye"))
    ToolchainBuilder().build([first])
    assert first.folder != second.folder
    assert ToolchainBuilder().missing([first, second]) == [second]


def test_two_clones_at_once_build_once(warm: Path, tmp_path: Path) -> None:
    hello = component(tmp_path / "hello", HELLO)
    counts: list[int] = []
    threads = [threading.Thread(target=lambda: counts.append(ToolchainBuilder().build([hello]))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counts) == [0, 0, 1]


SLOW_GO = """#!/bin/sh
[ "$1" != env ] || {{ echo go1.30; exit; }}
echo $$ > {folder}/go.pid
exec sleep 60
"""
BUILD = """
import sys
from pathlib import Path
from moorage.platform import pins
from moorage.platform.toolchain_builder import ToolchainBuilder
from moorage.base.console import Step
ToolchainBuilder().build([pins._read(Path(sys.argv[1]))])
"""


def test_a_build_that_is_killed_takes_the_compiler_along_and_is_swept_up_after(
    warm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hello = component(tmp_path / "hello", HELLO)
    slow = tmp_path / "slow" / "go"
    slow.parent.mkdir()
    slow.write_text(SLOW_GO.format(folder=tmp_path))
    slow.chmod(0o755)
    with monkeypatch.context() as path:
        path.setenv("PATH", f"{slow.parent}{os.pathsep}{os.environ['PATH']}")
        build = subprocess.Popen([sys.executable, "-c", BUILD, str(hello.source)])
        eventually(lambda: (tmp_path / "go.pid").exists() and (tmp_path / "go.pid").read_text().strip() != "")
    build.kill()
    build.wait()
    compiler = Path("/proc", (tmp_path / "go.pid").read_text().strip(), "cmdline")
    eventually(lambda: not compiler.exists() or b"sleep" not in compiler.read_bytes())
    assert list((warm / "toolchain").glob(".hello-*"))
    assert ToolchainBuilder().build([hello]) == 1
    assert not list((warm / "toolchain").glob(".hello-*"))


def test_a_module_is_downloaded_and_checked(warm: Path, proxy: Path, tmp_path: Path) -> None:
    hello = component(tmp_path / "hello", USES_MODULE, requires=True)
    sum_of(hello.source, tmp_path)
    assert ToolchainBuilder().build([hello]) == 1


def test_a_module_that_is_not_what_go_sum_pins_stops_the_build(cache: Path, proxy: Path, tmp_path: Path) -> None:
    hello = component(tmp_path / "hello", USES_MODULE, requires=True)
    sum_of(hello.source, tmp_path)
    text = (hello.source / "go.sum").read_text()
    line = text.splitlines()[0]
    (hello.source / "go.sum").write_text(text.replace(line, f"{line.rpartition(' ')[0]} h1:{'A' * 43}="))
    with pytest.raises(MoorageError) as caught:
        ToolchainBuilder().build([hello])
    problem = caught.value.problems[0]
    assert "go.sum" in (problem.why or "")
    assert any("checksum mismatch" in line for line in problem.detail)
    assert list((cache / "toolchain").glob("hello*")) == []


def test_a_proxy_that_is_down_is_tried_three_times(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GOPROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("GONOSUMDB", "*")
    hello = component(tmp_path / "hello", USES_MODULE, requires=True)
    (hello.source / "go.sum").write_text(
        f"{MODULE} {VERSION} h1:{'A' * 43}=\n{MODULE} {VERSION}/go.mod h1:{'A' * 43}=\n"
    )
    with pytest.raises(MoorageError) as caught:
        ToolchainBuilder().build([hello])
    problem = caught.value.problems[0]
    assert "failed 3 times" in (problem.why or "")
    assert "GOPROXY" in (problem.remedy or "")


def test_source_that_does_not_compile_shows_the_compilers_words(warm: Path, tmp_path: Path) -> None:
    broken = component(tmp_path / "broken", "package main\n\nfunc main() { undefined() }\n")
    with pytest.raises(MoorageError) as caught:
        ToolchainBuilder().build([broken])
    assert any("undefined" in line for line in caught.value.problems[0].detail)


def test_a_disk_that_is_too_full_is_said_before_anything_is_built(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hello = component(tmp_path / "hello", HELLO)
    monkeypatch.setattr(toolchain_builder, "DISK_BYTES_PER_WEIGHT_SECOND", 1e24)
    with pytest.raises(MoorageError) as caught:
        ToolchainBuilder().build([hello])
    assert "GB are free" in caught.value.problems[0].what
    assert "MOORAGE_CACHE" in (caught.value.problems[0].remedy or "")


def test_a_missing_go_is_said(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hello = component(tmp_path / "hello", HELLO)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MoorageError) as caught:
        ToolchainBuilder().build([hello])
    assert "Go is missing" in caught.value.problems[0].what


@pytest.mark.parametrize("pinned", components(), ids=lambda pinned: pinned.name)
def test_every_component_pins_its_modules(pinned: Component) -> None:
    assert (pinned.source / "go.mod").exists()
    requires = "require" in (pinned.source / "go.mod").read_text()
    assert (pinned.source / "go.sum").exists() == requires


def built(pinned: list[Component], cache: Path) -> None:
    """Put a file in the place of every binary, as if these components were built."""
    for component in pinned:
        folder = cache / "toolchain" / component.folder / "bin"
        folder.mkdir(parents=True)
        scripts = [file.path.rpartition("/")[2] for file in component.files if file.install]
        for name in (*component.binaries, *component.links, *scripts):
            (folder / name).write_text(name)


def test_pulumi_finds_its_python_host_among_its_plugins_and_the_script_beside_it(cache: Path, tmp_path: Path) -> None:
    layout = Layout.of(tmp_path / "checkout")
    layout.bin.mkdir(parents=True)
    former = layout.bin / "pulumi-language-python"
    former.write_text("where it was once, and where Pulumi warns of it")
    built(components("pulumi"), cache)
    assert toolchain.ensure(layout, platform=False, step=Step("", "")) == 0
    (folder,) = (layout.home / "pulumi" / "plugins").glob("language-python-v*")
    host, script = folder / "pulumi-language-python", folder / "pulumi-language-python-exec"
    assert (host.is_symlink(), host.read_text()) == (False, host.name)
    assert script.read_text() == script.name
    assert sorted(path.name for path in layout.bin.glob("pulumi*")) == ["pulumi", "pulumi-resource-pulumi-python"]
    assert (layout.home / "pulumi" / "plugins" / "resource-kubernetes-v4.25.0").is_dir()


def test_what_is_there_of_the_platform_is_linked_where_only_pulumi_is_asked_for(cache: Path, tmp_path: Path) -> None:
    layout = Layout.of(tmp_path / "checkout")
    there = [component for component in components("platform") if component.name in {"runc", "buildx"}]
    built([*components("pulumi"), *there], cache)
    assert toolchain.ensure(layout, platform=False, step=Step("", "")) == 0
    assert (layout.bin / "runc").read_text() == "runc"
    assert (layout.docker_config / "cli-plugins" / "docker-buildx").read_text() == "buildx"
    assert not (layout.bin / "kubelet").exists()
