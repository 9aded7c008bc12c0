"""Who may import whom: the lines between the rooms of the repository."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("moorage", "components", "local", "policy", "apps", "libs")
ALLOWED: dict[str, set[str]] = {
    "moorage": set(),
    "components": {"moorage"},
    "__main__.py": {"components", "moorage"},
    "policy": set(),
    "local": {"moorage.console", "moorage.errors"},
    "apps": {"libs"},
    "libs": set(),
}
"""What of the other rooms each may import; ``moorage/cli`` is the front door and may call every room."""
FRONT_DOOR = ROOT / "moorage" / "cli"
PULUMI_FREE = ("moorage", "local", "apps", "libs")


def sources(room: str) -> list[Path]:
    """Return the Python files of a room."""
    path = ROOT / room
    if path.is_file():
        return [path]
    hidden = {"node_modules", ".venv", "__pycache__"}
    return sorted(file for file in path.rglob("*.py") if not hidden & set(file.parts))


def imports(file: Path) -> set[str]:
    """Return the modules that a file imports, anywhere in it, in full."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(), str(file))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def package_rooms() -> dict[str, str]:
    """Return the importable names of services' and libraries' packages and the rooms that they are in."""
    members = [folder for room in ("apps", "libs") for folder in (ROOT / room).iterdir() if folder.is_dir()]
    packages = [package.parent for member in members for package in member.glob("*/__init__.py")]
    return {package.name: package.relative_to(ROOT).parts[0] for package in packages if package.name != "tests"}


def rooms_of(module: str, packages: dict[str, str]) -> str | None:
    """Return the room that a module is in; None for what is not of this repository."""
    top = module.split(".", maxsplit=1)[0]
    return top if top in ROOMS else packages.get(top)


def allowed(module: str, room: str, own: str) -> bool:
    """Return whether `own` may import `module`, which is in `room`."""
    if room == own:
        return True
    return any(f"{module}.".startswith(f"{name}.") or name == room for name in ALLOWED[own])


@pytest.mark.parametrize("own", sorted(ALLOWED))
def test_a_room_imports_only_the_rooms_that_it_may(own: str) -> None:
    packages = package_rooms()
    crossed = [
        f"{file.relative_to(ROOT)} imports {module}"
        for file in sources(own)
        if FRONT_DOOR not in file.parents
        for module in sorted(imports(file))
        if (room := rooms_of(module, packages)) is not None and not allowed(module, room, own)
    ]
    assert crossed == []


@pytest.mark.parametrize("own", PULUMI_FREE)
def test_what_needs_no_engine_does_not_import_pulumi(own: str) -> None:
    crossed = [
        f"{file.relative_to(ROOT)} imports {module}"
        for file in sources(own)
        for module in sorted(imports(file))
        if module.split(".")[0].startswith("pulumi")
    ]
    assert crossed == []


def test_a_service_imports_no_other_service() -> None:
    packages = package_rooms()
    crossed = [
        f"{file.relative_to(ROOT)} imports {module}"
        for file in sources("apps")
        for module in sorted(imports(file))
        if packages.get(module.split(".")[0]) == "apps"
        and not (ROOT / Path(*file.relative_to(ROOT).parts[:2]) / module.split(".")[0]).is_dir()
    ]
    assert crossed == []


def test_the_lines_are_drawn_between_rooms_that_exist() -> None:
    present = [room for room in ALLOWED if sources(room)]
    assert {"moorage", "components", "__main__.py", "local", "apps", "libs"} <= set(present)
    assert {"backend", "worker", "harbour"} <= package_rooms().keys()


@pytest.mark.parametrize(
    ("own", "module", "room", "verdict"),
    [
        ("components", "moorage.errors.fail", "moorage", True),
        ("moorage", "components.labels.Labels", "components", False),
        ("local", "moorage.console.Steps", "moorage", True),
        ("local", "moorage.config.loader", "moorage", False),
        ("policy", "moorage.errors", "moorage", False),
        ("apps", "harbour.totals", "libs", True),
        ("libs", "backend.main", "apps", False),
    ],
)
def test_the_lines_are_where_the_design_draws_them(own: str, module: str, room: str, verdict: bool) -> None:
    assert allowed(module, room, own) is verdict


def test_nothing_runs_at_import_but_definitions() -> None:
    running = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in sources("components")
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.For | ast.While | ast.With | ast.Try)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))
    ]
    assert running == []


@pytest.mark.parametrize("room", ["components", "__main__.py"])
def test_modules_and_functions_stay_short(room: str) -> None:
    too_long = [str(file.relative_to(ROOT)) for file in sources(room) if len(file.read_text().splitlines()) >= 300]
    too_long += [
        f"{file.relative_to(ROOT)}:{node.name}"
        for file in sources(room)
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= 50
    ]
    assert too_long == []
