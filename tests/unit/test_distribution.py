"""What an adopter installs: one wheel, one top-level name, and everything that a project needs found inside it."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.wheel import build_wheel, install
from tests.unit.config_samples import WORKER

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.registry

SHOP = WORKER.replace("name: worker", "name: shop").replace("[redis, backend]", "[postgres]")
SHOP = SHOP.replace("  libs: [harbour]\n", "")
ASK = """
import json, os
from pathlib import Path
from moorage.build.digests import Inputs
from moorage.components.stack import deploy
from moorage.config.loader import load_project
from moorage.engine.session import SHIPPED_PACK
import moorage, components, policy
project = load_project(Path.cwd(), "dev")
inputs = Inputs(project).all()
print(json.dumps({
    "deploy": deploy.__module__,
    "images": {str(node): str(project.monorepo.repository.root_of(node)) for node in inputs},
    "files": sorted(path for found in inputs.values() for path in found.files()),
    "pack": os.access(SHIPPED_PACK / "run", os.X_OK),
    "schemas": sorted(path.name for path in (Path(moorage.__file__).parent / "schema").iterdir()),
    "theirs": [components.THEIRS, policy.THEIRS],
}))
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that has the wheel and what it needs."""
    folder = tmp_path_factory.mktemp("distribution")
    return install(build_wheel(folder), folder / "environment")


def packages(programs: Path) -> Path:
    (found,) = programs.parent.glob("lib/python*/site-packages")
    return found


def test_it_brings_one_top_level_name(programs: Path) -> None:
    (record,) = packages(programs).glob("moorage-*.dist-info/RECORD")
    installed = {line.split(",")[0] for line in record.read_text().splitlines()}
    top = {path.split("/")[0] for path in installed if not path.startswith("../")}
    assert {name for name in top if not name.endswith(".dist-info")} == {"moorage"}
    assert {path for path in installed if path.startswith("../")} == {"../../../bin/moorage"}
    assert not [path for path in installed if "__pycache__" in path or "/tests/" in path]


def test_a_project_with_modules_called_like_ours_finds_everything_in_it(programs: Path, tmp_path: Path) -> None:
    files = {
        "services/shop/service.yaml": SHOP,
        "services/shop/Dockerfile": "ARG PYTHON_IMAGE\nFROM ${PYTHON_IMAGE} AS production\nCOPY services/shop/a.py /\n",
        "services/shop/Dockerfile.dockerignore": "*\n!services/shop/a.py\n",
        "services/shop/a.py": "",
        "infra/Pulumi.yaml": "name: shop\nruntime: python\nmoorage: {layout: {root: .., services: [services/*]}}\n",
        "infra/Pulumi.dev.yaml": "config:\n  moorage:ingress: {host: shop.localhost}\n",
        "infra/components.py": "THEIRS = True\n",
        "infra/policy/__init__.py": "THEIRS = True\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    command = [str(programs / "python"), "-c", ASK]
    result = subprocess.run(command, cwd=tmp_path / "infra", capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    shipped = str(packages(programs) / "moorage")
    assert found["deploy"] == "moorage.components.stack"
    images = ("images/rootfs-build", "images/postgres", "images/python")
    assert found["images"] == dict.fromkeys(images, shipped) | {"services/shop": str(tmp_path)}
    assert {"images/postgres/start-postgres", "services/shop/a.py"} <= set(found["files"])
    assert found["pack"]
    assert found["theirs"] == [True, True]
    assert "service.schema.json" in found["schemas"]


def test_the_command_of_the_distribution_answers(programs: Path, tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(programs / "moorage"), *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )

    assert "moorage 0." in run("--version").stdout
    told = run("up")
    assert (told.returncode, "no Moorage project here" in told.stderr) == (1, True)
    assert "Traceback" not in told.stderr
    listed = run("policy", "list")
    assert listed.returncode == 0, listed.stderr
