"""Lock files of a generated monorepo, as uv and npm would write them."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

    from tests.support.monorepo import Member

THIRD_PARTY = 120
"""Packages in each lockfile that come from a registry."""


def locked_member(member: Member) -> str:
    needs = "".join(f'    {{ name = "{name}" }},\n' for name in sorted([*member.libs, *member.packages]))
    return (
        f'[[package]]\nname = "{member.name}"\nversion = "0.1.0"\nsource = {{ editable = "{member.folder}" }}\n'
        f"dependencies = [\n{needs}]\n"
    )


def _needs(number: int) -> list[int]:
    """Return which packages a third-party package needs: later ones only, so that there is no cycle."""
    return [other for other in (number * 2 + 1, number * 3 + 2) if other < THIRD_PARTY]


def locked(number: int) -> str:
    needs = "".join(f'    {{ name = "package-{other:03}" }},\n' for other in _needs(number))
    dependencies = f"dependencies = [\n{needs}]\n" if needs else ""
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    return (
        f'[[package]]\nname = "package-{number:03}"\nversion = "1.0.{number}"\n'
        f'source = {{ registry = "https://pypi.org/simple" }}\n{dependencies}'
        f'sdist = {{ url = "https://example.com/package-{number:03}.tar.gz", hash = "sha256:{digest}", size = 1 }}\n'
    )


def package_lock(member: Member, manifest: dict[str, object], rng: random.Random) -> str:
    packages: dict[str, object] = {"": {key: manifest[key] for key in ("name", "version", "dependencies")}}
    for number in range(THIRD_PARTY):
        name = f"package-{number:03}"
        packages[f"node_modules/{name}"] = {
            "version": "1.0.0",
            "integrity": f"sha512-{rng.getrandbits(256):064x}",
            "dependencies": {f"package-{other:03}": "^1.0.0" for other in _needs(number)},
        }
    lock = {"name": member.package, "version": "0.1.0", "lockfileVersion": 3, "requires": True, "packages": packages}
    return json.dumps(lock, indent=2) + "\n"
