"""``moorage graph`` on a generated monorepo: drawn, checked, written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from moorage.base.errors import MoorageError
from moorage.build.digests import Inputs
from moorage.build.record import Record, record_of
from moorage.cli import graph_drawing, source_check
from moorage.cli.main import app
from moorage.config.loader import load_project
from moorage.engine.state import State
from tests.support.effort import calls
from tests.support.monorepo import Generated, Shape, generate

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generated:
    made = generate(tmp_path, Shape(services=10, libs=12, files=300, seed=5))
    made.write("__main__.py", "")
    monkeypatch.chdir(tmp_path)
    return made


def run(*words: str) -> str:
    result = CliRunner().invoke(app, ["graph", *words])
    assert result.exception is None, result.exception
    return result.output


def test_the_graph_is_drawn_as_text_mermaid_json_and_svg(fleet: Generated, tmp_path: Path) -> None:
    assert "apps/svc-09" in run()
    assert run("--mermaid").startswith("flowchart LR")
    assert len(json.loads(run("--json"))["nodes"]) == 10 + 12 + 5
    run("--svg", str(tmp_path / "graph.svg"))
    assert (tmp_path / "graph.svg").read_text().startswith("<svg")


def test_a_stack_that_is_not_up_has_no_objects_to_draw(fleet: Generated) -> None:
    with pytest.raises(MoorageError, match="moorage up dev"):
        graph_drawing.draw(fleet.root, "dev", form="tree", svg_file=None, with_stack=True)


def test_what_the_check_complains_of_is_written(fleet: Generated) -> None:
    for name in ("svc-01", "svc-04"):
        ignore = fleet.root / f"apps/{name}/Dockerfile.dockerignore"
        ignore.write_text("*\n!README.md\n")
    (fleet.root / "apps/svc-02/Dockerfile.dockerignore").unlink()
    with pytest.raises(MoorageError):
        source_check.check(fleet.root)
    assert "written" in run("--write", "--check")
    assert "all up to date" in run("--write")


def test_all_errors_are_told_at_once_and_warnings_stop_nothing(
    fleet: Generated, capsys: pytest.CaptureFixture[str]
) -> None:
    lib = next(lib.name for lib in fleet.libs.values() if lib.python and lib.name not in fleet.services["svc-01"].libs)
    yaml = fleet.root / "apps/svc-01/service.yaml"
    yaml.write_text(yaml.read_text().replace("libs: [", f"libs: [{lib}, "))
    source_check.check(fleet.root)
    assert f"declares the library {lib} and does not use it" in " ".join(capsys.readouterr().err.split())
    fleet.write("apps/svc-00/svc_00/deep.py", "import svc_01\n")
    fleet.write("apps/svc-02/svc_02/deep.py", "import svc_01\n")
    with pytest.raises(MoorageError) as caught:
        source_check.check(fleet.root)
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize("command", ["up", "preview"])
def test_nothing_is_deployed_that_uses_what_is_not_declared(fleet: Generated, command: str) -> None:
    fleet.write("apps/svc-00/svc_00/deep.py", "import svc_01\n")
    result = CliRunner().invoke(app, [command])
    assert isinstance(result.exception, MoorageError)
    assert "imports svc_01 of the service svc-01" in str(result.exception)
    assert {path.name for path in (fleet.root / ".moorage").iterdir()} == {"imports.json"}


def test_what_the_recorded_stack_differs_in_is_marked(fleet: Generated, monkeypatch: pytest.MonkeyPatch) -> None:
    project = load_project(fleet.root, "dev")
    lib = next(lib for lib in fleet.services["svc-01"].libs)
    before = record_of(project, Inputs(project).all())
    monkeypatch.setattr(State, "record", lambda *_: before)
    assert graph_drawing.changed_nodes(project, Inputs(project).all()) == frozenset()
    fleet.write(f"libs/{lib}/{lib}/new.py", "")
    users = {f"apps/{name}" for name, member in fleet.services.items() if lib in member.libs}
    assert {str(node) for node in graph_drawing.changed_nodes(project, Inputs(project).all())} == {
        f"libs/{lib}",
        *users,
    }
    monkeypatch.setattr(State, "record", lambda *_: Record())
    assert graph_drawing.changed_nodes(project, Inputs(project).all()) == frozenset()


def test_our_own_sources_are_as_declared_and_looked_at_with_little_effort() -> None:
    def look() -> None:
        source_check.check_declared(source_check.read_monorepo(ROOT))

    look()
    # A tenth of a second on a machine of these years; to read what every file imports would be three times as much.
    assert calls(look) < 150_000
