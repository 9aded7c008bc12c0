"""Generated services that share libraries, changes of these libraries, and images really built before and after."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from moorage.report.records import vertices
from tests.support.buildx import buildx

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from hypothesis.strategies import DrawFn

PROBE = "{ httpGet: { path: /health } }"
CHANGES = ("edit", "deep", "add", "delete", "rename", "executable", "link")
"""Ways to change a library that reach the images that contain it."""
NO_CHANGES = ("touch", "readme", "test", "bytecode")
"""Ways to change its folder that reach no image."""
NONCE = uuid.uuid4().hex
"""In every folder that an image has, with the place of the monorepo, so that BuildKit has built none of them before."""
LAYERS = 40
"""That are put into one image, which cannot have any number of them."""


@dataclass(frozen=True)
class Sharing:
    """Which libraries each service contains, and what happens to one of these."""

    services: tuple[frozenset[int], ...]
    lib: int
    change: str

    @property
    def dependents(self) -> set[int]:
        """The services that contain the changed library."""
        return {number for number, libs in enumerate(self.services) if self.lib in libs}

    @property
    def expected(self) -> set[int]:
        """The services whose images have to be built anew."""
        return self.dependents if self.change in CHANGES else set()


@st.composite
def sharings(draw: DrawFn) -> Sharing:
    """Up to four services and three libraries; a library that uses another brings that along."""
    count = draw(st.integers(1, 3))
    brings = [
        frozenset({lib, *([draw(st.integers(0, lib - 1))] if lib and draw(st.booleans()) else [])})
        for lib in range(count)
    ]
    direct = draw(st.lists(st.sets(st.integers(0, count - 1)), min_size=1, max_size=4))
    services = []
    for libs in direct:
        found: frozenset[int] = frozenset(libs)
        for _ in range(count):
            found = found.union(*(brings[lib] for lib in found))
        services.append(found)
    return Sharing(
        tuple(services), draw(st.integers(0, count - 1)), draw(st.sampled_from([*CHANGES, *CHANGES, *NO_CHANGES]))
    )


def write_sharing(root: Path, number: int, sharing: Sharing) -> None:
    """Write one example's files into a monorepo; its names begin with ``g<number>``."""
    for lib in range(3):
        package = root / f"libs/g{number}-l{lib}/g{number}_l{lib}"
        _write(package.parent / "pyproject.toml", f'[project]\nname = "g{number}-l{lib}"\n')
        _write(package.parent / "README.md", "before")
        _write(package.parent / "tests/test_x.py", "before")
        _write(package / "nonce.txt", f"{NONCE} {root}")
        for name in ("__init__.py", "one.py", "two.py", "deep/er/three.py"):
            _write(package / name, f"# {number} {lib} {name}\n")
    for index, libs in enumerate(sharing.services):
        name = f"g{number}-s{index}"
        folder = root / "apps" / name
        sources = [f"libs/g{number}-l{lib}/g{number}_l{lib}" for lib in sorted(libs)] + [f"apps/{name}/src"]
        copies = "".join(f"COPY {source} /app/{source.rsplit('/', 1)[1]}\n" for source in sources)
        _write(folder / "src/main.py", "".join(f"import g{number}_l{lib}\n" for lib in sorted(libs)) + f"# {name}\n")
        _write(folder / "src/nonce.txt", f"{NONCE} {root}")
        _write(folder / "Dockerfile", f"FROM scratch AS production\n{copies}")
        allowed = "".join(f"!{source}\n" for source in sorted(sources))
        _write(folder / "Dockerfile.dockerignore", f"*\n{allowed}**/__pycache__\n")
        _write(
            folder / "service.yaml",
            f"name: {name}\nkind: web\nport: 8000\n"
            f"build:\n  libs: [{', '.join(f'g{number}-l{lib}' for lib in sorted(libs))}]\n"
            f"startupProbe: {PROBE}\nlivenessProbe: {PROBE}\nreadinessProbe: {PROBE}\n"
            "resources:\n  requests: { cpu: 10m, memory: 32Mi }\n  limits: { cpu: 100m, memory: 64Mi }\n",
        )


def write_stack(root: Path) -> None:
    """Write what makes a folder a project."""
    _write(root / "Pulumi.yaml", "name: shared\nruntime: python\n")
    _write(root / "Pulumi.dev.yaml", "config:\n  moorage:ingress:\n    host: shared.localhost\n")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def apply_change(root: Path, number: int, sharing: Sharing) -> None:
    """Change the library as the example says."""
    package = root / f"libs/g{number}-l{sharing.lib}/g{number}_l{sharing.lib}"
    one, two = package / "one.py", package / "two.py"
    steps: dict[str, Callable[[], object]] = {
        "edit": lambda: one.write_text("changed"),
        "deep": lambda: (package / "deep/er/three.py").write_text("changed"),
        "add": lambda: (package / "deep/added.py").write_text("new"),
        "delete": two.unlink,
        "rename": lambda: two.rename(package / "renamed.py"),
        "executable": lambda: one.chmod(0o755),
        "link": lambda: (package / "link.py").symlink_to("one.py"),
        "touch": lambda: os.utime(one, (1, 1)),
        "readme": lambda: (package.parent / "README.md").write_text("changed"),
        "test": lambda: (package.parent / "tests/test_x.py").write_text("changed"),
        "bytecode": lambda: _write(package / "__pycache__/one.pyc", "made"),
    }
    assert steps.keys() == {*CHANGES, *NO_CHANGES}
    steps[sharing.change]()


def built_anew(root: Path, services: Sequence[str]) -> set[str]:
    """Build the services, as stages of one Dockerfile, and return those of which BuildKit did not find all in its cache."""
    stages, ignored = [], ["*", "**/__pycache__"]
    for service in services:
        dockerfile = root / "apps" / service / "Dockerfile"
        stages.append(dockerfile.read_text().replace(" AS production", f" AS {service}"))
        allowed = dockerfile.with_name("Dockerfile.dockerignore").read_text().splitlines()
        ignored[1:1] = [line for line in allowed if line.startswith("!")]
    collectors = [f"all{start}" for start in range(0, len(services), LAYERS)]
    for start, collector in zip(range(0, len(services), LAYERS), collectors, strict=True):
        copies = [f"COPY --from={service} /app /{service}" for service in services[start : start + LAYERS]]
        stages.append("\n".join([f"FROM scratch AS {collector}", *copies]))
    stages.append("\n".join(["FROM scratch", *(f"COPY --from={collector} / /" for collector in collectors)]))
    file = root / "all.Dockerfile"
    file.write_text("\n".join(stages) + "\n")
    (root / "all.Dockerfile.dockerignore").write_text("\n".join(ignored) + "\n")
    told = buildx("--progress=rawjson", "--output=type=cacheonly", f"--file={file}", str(root)).stderr
    ran = {
        vertex["name"].removeprefix("[").partition(" ")[0] for vertex in vertices(told).values() if not vertex["cached"]
    }
    return ran.intersection(services)


def all_services(examples: Sequence[Sharing]) -> list[str]:
    """Return the names of the services of all examples."""
    return [f"g{number}-s{index}" for number, one in enumerate(examples) for index in range(len(one.services))]
