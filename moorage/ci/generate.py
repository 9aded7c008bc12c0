"""The files of each CI system, from the one description: ``moorage ci generate --system github|gitlab|shell``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from moorage.ci.description import JOBS, NAMES, PLAN_FILE, SETUP, STEPS
from moorage.ci.stacks import stacks

if TYPE_CHECKING:
    from collections.abc import Mapping

System = Literal["github", "gitlab", "shell"]
SYSTEMS: Final = ("github", "gitlab", "shell")
_TEMPLATES = Path(__file__).parent / "templates"
_UNSET = {".ci/unset-empty": "unset-empty"}
_FILES: Mapping[str, Mapping[str, str]] = {
    "github": {
        ".github/actions/setup/action.yml": "github-setup.yml",
        ".github/workflows/preview.yml": "github-preview.yml",
        ".github/workflows/up.yml": "github-up.yml",
        ".github/workflows/drift.yml": "github-drift.yml",
        ".github/workflows/environment.yml": "github-environment.yml",
        **_UNSET,
    },
    "gitlab": {".gitlab-ci.yml": "gitlab.yml", **_UNSET},
    "shell": {".ci/moorage": "shell.sh", **_UNSET},
}
EXECUTABLE: Final = frozenset({".ci/unset-empty", ".ci/moorage"})


def generated(system: System, root: Path) -> dict[str, str]:
    """Return the files of a system, by their paths from the checkout's root."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # loaded where files are made

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        # What CI systems and shells write themselves stays as it is.
        variable_start_string="@{",
        variable_end_string="}@",
        block_start_string="@%",
        block_end_string="%@",
        comment_start_string="@#",
        comment_end_string="#@",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  # not HTML
    )
    given = {"steps": STEPS, "jobs": JOBS, "setup": SETUP, "names": NAMES, "plan": PLAN_FILE}
    # Jobs of GitLab name their stacks; GitHub's ask which there are.
    known = {"stacks": stacks(root, deployed=False), "deployed": stacks(root, deployed=True)}
    return {path: environment.get_template(f"{name}.j2").render(given | known) for path, name in _FILES[system].items()}


def differing(system: System, root: Path) -> list[str]:
    """Return the files of a system that are missing or are not what the description says."""
    return [path for path, text in generated(system, root).items() if _read(root / path) != text]


def write(system: System, root: Path) -> list[str]:
    """Write the files of a system that differ, and return their paths."""
    changed = differing(system, root)
    texts = generated(system, root)
    for name in changed:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts[name], encoding="utf-8")
        path.chmod(0o755 if name in EXECUTABLE else 0o644)
    return changed


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
