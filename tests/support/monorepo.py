"""A generated monorepo of any size: services, libraries and base images as teams would write them.

``python -m tests.support.monorepo FOLDER`` writes one of 50 services, 12 libraries and 10,000 files.
"""

from __future__ import annotations

import json
import random
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.monorepo_locks import THIRD_PARTY, locked, locked_member, package_lock

BASES = {"os": (), "python": ("os",), "python-build": ("os",), "node": ("os",), "web": ("os",)}
"""Base images, and what each is built FROM."""
MODULES_A_FOLDER = 25


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How large the monorepo is to be; the same shape and seed give the same bytes."""

    services: int = 50
    libs: int = 12
    files: int = 10_000
    seed: int = 0
    buildable: bool = False
    """Leave out RUN steps, so that everything builds in no time from nothing."""


@dataclass(frozen=True)
class Member:
    """One service or library."""

    folder: str
    """``apps/orders-03``."""
    python: bool
    libs: tuple[str, ...]
    """Libraries that its code imports, in the order in which they may import each other."""
    packages: tuple[str, ...]
    """Third-party packages that it asks for."""

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.folder.split("/")[1]

    @property
    def package(self) -> str:
        """What other code imports it as."""
        return package_of(self.name, python=self.python)

    @property
    def source(self) -> str:
        """The folder of its code."""
        return f"{self.folder}/{self.package if self.python else 'src'}"


@dataclass
class Generated:
    """What was written, and what is true of it."""

    root: Path
    services: dict[str, Member] = field(default_factory=dict)
    libs: dict[str, Member] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)

    def write(self, path: str, text: str) -> None:
        """Write a file, and the folders above it."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        self.written.add(path)

    def bases_of(self, service: str) -> tuple[str, ...]:
        """Return the base images that a service is built FROM."""
        return ("python", "python-build") if self.services[service].python else ("web", "node")


def package_of(name: str, *, python: bool) -> str:
    """Return the importable name of a service or library."""
    return name.replace("-", "_") if python else f"@fleet/{name}"


def generate(root: Path, shape: Shape | None = None) -> Generated:
    """Write a monorepo into an empty folder and return what is true of it."""
    shape = shape or Shape()
    rng = random.Random(shape.seed)
    made = Generated(root)
    _plan(made, shape, rng)
    _write_bases(made)
    members = [*made.libs.values(), *made.services.values()]
    for member in members:
        _write_member(made, member, rng)
    for service in made.services.values():
        _write_service(made, service, buildable=shape.buildable)
    _write_workspace(made)
    _fill(made, members, shape.files, rng)
    return made


def _plan(made: Generated, shape: Shape, rng: random.Random) -> None:
    """Decide who uses what: a library uses only those before it, and whoever uses it uses those as well."""
    for number in range(shape.libs):
        python = number % 4 != 3
        peers = [lib for lib in made.libs.values() if lib.python == python]
        member = Member(f"libs/lib{number:02}", python, _choose(peers, 1, rng), _packages(rng))
        made.libs[member.name] = member
    for number in range(shape.services):
        python = number % 5 != 4
        peers = [lib for lib in made.libs.values() if lib.python == python]
        member = Member(f"apps/svc-{number:02}", python, _choose(peers, 3, rng), _packages(rng))
        made.services[member.name] = member


def _choose(peers: list[Member], most: int, rng: random.Random) -> tuple[str, ...]:
    picked = rng.sample(peers, min(len(peers), rng.randint(0, most)))
    names = {name for lib in picked for name in (lib.name, *lib.libs)}
    return tuple(lib.name for lib in peers if lib.name in names)


def _packages(rng: random.Random) -> tuple[str, ...]:
    return tuple(f"package-{number:03}" for number in sorted(rng.sample(range(THIRD_PARTY), 5)))


def _write_bases(made: Generated) -> None:
    for name, bases in BASES.items():
        made.write(f"images/{name}/image.yaml", f"build:\n  bases: [{', '.join(bases)}]\n")
        made.write(f"images/{name}/{name}.conf", f"name = {name}\n")
        made.write(f"images/{name}/Dockerfile.dockerignore", f"*\n!images/{name}/{name}.conf\n")
        argument, base = ("ARG OS_IMAGE=base-os\n\n", "${OS_IMAGE}") if bases else ("", "scratch")
        made.write(f"images/{name}/Dockerfile", f"{argument}FROM {base}\nCOPY images/{name}/{name}.conf /etc/\n")


def _write_member(made: Generated, member: Member, rng: random.Random) -> None:
    if member.python:
        made.write(f"{member.folder}/pyproject.toml", _pyproject(member))
        imports = "".join(f"import {package_of(lib, python=True)}\n" for lib in member.libs)
        made.write(f"{member.source}/__init__.py", f'"""What {member.name} does."""\n\n{imports}')
        made.write(f"{member.source}/__main__.py", f"from {member.package} import *  # noqa: F403\n")
    else:
        dependencies = {package_of(lib, python=False): f"file:../../libs/{lib}" for lib in member.libs}
        dependencies |= dict.fromkeys(member.packages, "^1.0.0")
        manifest: dict[str, object] = {
            "name": member.package,
            "version": "0.1.0",
            "main": "src/index.ts",
            "dependencies": dependencies,
        }
        made.write(f"{member.folder}/package.json", json.dumps(manifest, indent=2) + "\n")
        imports = "".join(f'import * as {lib} from "{package_of(lib, python=False)}";\n' for lib in member.libs)
        made.write(f"{member.source}/index.ts", f"{imports}export const name = {json.dumps(member.name)};\n")
        if member.folder.startswith("apps/"):
            made.write(f"{member.folder}/package-lock.json", package_lock(member, manifest, rng))
    made.write(f"{member.folder}/README.md", f"# {member.name}\n")


def _pyproject(member: Member) -> str:
    dependencies = [*(f"{name}>=1" for name in member.packages), *member.libs]
    sources = "".join(f"{lib} = {{ workspace = true }}\n" for lib in member.libs)
    return (
        f'[project]\nname = "{member.name}"\nversion = "0.1.0"\nrequires-python = ">=3.11"\n'
        f"dependencies = {json.dumps(dependencies)}\n\n"
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n\n'
        f'[tool.hatch.build.targets.wheel]\npackages = ["{member.package}"]\n\n[tool.uv.sources]\n{sources}'
    )


def _write_service(made: Generated, service: Member, *, buildable: bool) -> None:
    bases = made.bases_of(service.name)
    probe = "{ httpGet: { path: /health } }"
    made.write(
        f"{service.folder}/service.yaml",
        f"name: {service.name}\nkind: web\nbuild:\n  bases: [{', '.join(bases)}]\n"
        f"  libs: [{', '.join(service.libs)}]\nport: 8000\n"
        f"startupProbe: {probe}\nlivenessProbe: {probe}\nreadinessProbe: {probe}\n"
        "resources:\n  requests: { cpu: 10m, memory: 32Mi }\n  limits: { cpu: 100m, memory: 64Mi }\n",
    )
    write = _python_build if service.python else _node_build
    dockerfile, inputs = write(service, buildable=buildable)
    made.write(f"{service.folder}/Dockerfile", dockerfile)
    hidden = "**/__pycache__" if service.python else "**/node_modules"
    allowed = "".join(f"!{path}\n" for path in inputs)
    made.write(f"{service.folder}/Dockerfile.dockerignore", f"*\n{allowed}{hidden}\n")


def _python_build(service: Member, *, buildable: bool) -> tuple[str, list[str]]:
    manifests = [f"libs/{lib}/pyproject.toml" for lib in service.libs]
    sources = [f"libs/{lib}/{package_of(lib, python=True)}" for lib in service.libs]
    export = f"RUN uv export --quiet --frozen --package {service.name} --no-dev --output-file /requirements.txt\n"
    lines = [
        "ARG PYTHON_IMAGE=base-python\nARG PYTHON_BUILD_IMAGE=base-python-build\n",
        "FROM ${PYTHON_BUILD_IMAGE} AS lock\nWORKDIR /workspace\nCOPY pyproject.toml uv.lock ./",
        f"COPY {service.folder}/pyproject.toml {service.folder}/",
        *(f"COPY {path} {path.rsplit('/', 1)[0]}/" for path in manifests),
        "" if buildable else export,
        "FROM ${PYTHON_IMAGE} AS production",
        f"COPY --from=lock {'/workspace/uv.lock' if buildable else '/requirements.txt'} /app/",
        *(f"COPY {path} /app/{path.rsplit('/', 1)[1]}" for path in sources),
        f"COPY {service.source} /app/{service.package}",
        "WORKDIR /app\nUSER 10001:10001\nEXPOSE 8000\nSTOPSIGNAL SIGTERM",
        f'ENTRYPOINT ["/usr/bin/python3", "-m", "{service.package}"]\n',
    ]
    inputs = ["pyproject.toml", "uv.lock", f"{service.folder}/pyproject.toml", *manifests, *sources, service.source]
    return "\n".join(lines), inputs


def _node_build(service: Member, *, buildable: bool) -> tuple[str, list[str]]:
    install = "RUN --mount=type=cache,id=npm,target=/root/.npm npm ci --ignore-scripts\n"
    lines = [
        "ARG WEB_IMAGE=base-web\nARG NODE_IMAGE=base-node\n",
        "FROM ${NODE_IMAGE} AS page\nWORKDIR /app",
        f"COPY {service.folder}/package.json {service.folder}/package-lock.json ./",
        "" if buildable else install,
        *(f"COPY libs/{lib} /libs/{lib}" for lib in service.libs),
        f"COPY {service.source} src\n",
        "FROM ${WEB_IMAGE} AS production\nCOPY --from=page /app /usr/share/page",
        "USER 10001:10001\nEXPOSE 8000\nSTOPSIGNAL SIGQUIT",
        'ENTRYPOINT ["/usr/sbin/nginx"]\n',
    ]
    manifests = [f"{service.folder}/package.json", f"{service.folder}/package-lock.json"]
    return "\n".join(lines), [*manifests, *(f"libs/{lib}" for lib in service.libs), service.source]


def _write_workspace(made: Generated) -> None:
    members = [member for member in (*made.services.values(), *made.libs.values()) if member.python]
    names = json.dumps([member.folder for member in members])
    made.write(
        "pyproject.toml",
        '[project]\nname = "fleet"\nversion = "0.1.0"\nrequires-python = ">=3.11"\ndependencies = []\n\n'
        f"[tool.uv.workspace]\nmembers = {names}\n",
    )
    blocks = ['version = 1\nrevision = 3\nrequires-python = ">=3.11"\n\n[manifest]\nmembers = [']
    blocks[0] += (
        "".join(f'\n    "{name}",' for name in sorted(["fleet", *(member.name for member in members)])) + "\n]\n"
    )
    packages = {member.name: locked_member(member) for member in members}
    packages["fleet"] = '[[package]]\nname = "fleet"\nversion = "0.1.0"\nsource = { virtual = "." }\n'
    packages |= {f"package-{number:03}": locked(number) for number in range(THIRD_PARTY)}
    made.write("uv.lock", "\n".join([*blocks, *(packages[name] for name in sorted(packages))]))
    made.write("Pulumi.yaml", "name: fleet\nruntime: python\n")
    made.write("Pulumi.dev.yaml", "config:\n  moorage:ingress:\n    host: fleet.localhost\n")


def _fill(made: Generated, members: list[Member], files: int, rng: random.Random) -> None:
    """Add modules, tests and pages until there are as many files as asked for."""
    if len(made.written) > files:
        raise ValueError(f"{len(made.written)} files are the least for this shape, more than {files}")
    number = 0
    while len(made.written) < files:
        member = members[number % len(members)]
        count, folder = number // len(members), number // len(members) // MODULES_A_FOLDER
        if rng.random() < 0.1:
            made.write(f"{member.folder}/tests/test_{count:04}.txt", f"test {number}\n")
        elif member.python:
            made.write(f"{member.source}/part{folder}/module_{count:04}.py", _python_module(member, number, rng))
        else:
            made.write(f"{member.source}/part{folder}/module-{count:04}.ts", _typescript_module(member, number))
        number += 1


def _python_module(member: Member, number: int, rng: random.Random) -> str:
    imports = ["import json", f"from {member.package} import __doc__ as about"]
    if member.libs and rng.random() < 0.3:
        imports.append(f"from {package_of(rng.choice(member.libs), python=True)} import __name__ as used")
    body = "\n\n".join(
        f"def step_{step}(value: int) -> str:\n    return json.dumps([about, value + {number + step}])"
        for step in range(6)
    )
    return f'"""Module {number}."""\n\n' + "\n".join(imports) + f"\n\n\n{body}\n"


def _typescript_module(member: Member, number: int) -> str:
    lines = [f"export const step{step} = (value: number): number => value + {number + step};" for step in range(12)]
    return 'import { name } from "../index";\n' + f"// {member.name}\n" + "\n".join(lines) + "\nexport { name };\n"


if __name__ == "__main__":
    sys.stdout.write(f"{len(generate(Path(sys.argv[1])).written)} files\n")
