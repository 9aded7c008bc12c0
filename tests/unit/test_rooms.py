"""The shape of the code: how long modules and functions are, how large a room is, what runs at import.

Who may import whom is held by the contracts of pyproject.toml, which `lint-imports` checks.
"""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("moorage", "components", "policy", "tools", "tests", "apps", "libs")
MOST_LINES, MOST_LINES_OF_A_FUNCTION = 300, 50
LARGEST_SHARE = 0.25
"""Of the code that any one folder may hold."""
LAYERS = ("cli", "ci", "dev", "platform", "engine", "report", "observe", "checks", "scan", "build", "config", "base")


def sources(package: str) -> list[Path]:
    """Return the Python files of a package."""
    hidden = {"node_modules", ".venv", "__pycache__"}
    return sorted(file for file in (ROOT / package).rglob("*.py") if not hidden & set(file.parts))


def lines(file: Path) -> int:
    """Return how many lines a file has."""
    return len(file.read_text().splitlines())


@pytest.mark.parametrize("package", PACKAGES)
def test_modules_and_functions_stay_short(package: str) -> None:
    too_long = [str(file.relative_to(ROOT)) for file in sources(package) if lines(file) > MOST_LINES]
    too_long += [
        f"{file.relative_to(ROOT)}:{node.lineno} {node.name}"
        for file in sources(package)
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= MOST_LINES_OF_A_FUNCTION
    ]
    assert too_long == []


def test_no_folder_holds_more_than_a_quarter_of_the_code() -> None:
    found: dict[Path, int] = {}
    for package in ("moorage", "components", "policy", "tools"):
        for file in sources(package):
            found[file.parent.relative_to(ROOT)] = found.get(file.parent.relative_to(ROOT), 0) + lines(file)
    most = LARGEST_SHARE * sum(found.values())
    assert {str(folder): count for folder, count in found.items() if count > most} == {}


def test_the_library_has_the_rooms_that_the_contracts_name() -> None:
    rooms = {path.parent.name for path in (ROOT / "moorage").glob("*/__init__.py")}
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    assert [name for layer in layers for name in layer.split(" : ")] == list(LAYERS)
    assert rooms == {*LAYERS, "components", "policy"}


@pytest.mark.parametrize("package", ["tools", "tests", "components", "policy"])
def test_nothing_loads_components_or_policies_a_second_time_by_their_short_names(package: str) -> None:
    loading = [file for file in sources(package) if imported(file) & {"components", "policy"}]
    assert loading == []


@pytest.mark.parametrize("package", ["components", "moorage"])
def test_nothing_runs_at_import_but_definitions(package: str) -> None:
    running = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in sources(package)
        if file.parent.name != "cli"
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.For | ast.While | ast.With | ast.Try)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))
    ]
    assert running == []


def imported(file: Path) -> set[str]:
    """Return the top-level names that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_services_and_libraries_import_neither_what_deploys_them_nor_another_service() -> None:
    services = {package.parent.name: package.parent for package in (ROOT / "apps").glob("*/*/__init__.py")}
    deploying = {"moorage", "components", "policy", "tools"}
    for file in (*sources("apps"), *sources("libs")):
        others = {name for name, folder in services.items() if folder.parent not in file.parents}
        assert imported(file) & (deploying | others) == set(), file
