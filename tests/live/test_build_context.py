"""The build context that Moorage computes is the one that BuildKit is given."""

from __future__ import annotations

import os
import random
from posixpath import normpath
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from moorage.build.contexts import context_files
from tests.support.buildx import buildx
from tests.support.stack import moorage

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = 150
NAMES = ("a", "b", "ab", "a.b", "b+", "é", ".x", "A b")
SEGMENTS = (
    *NAMES,
    *NAMES,
    "*",
    "**",
    "?",
    "a*",
    "*b",
    "[ab]",
    "[^a]",
    "**b",
    "a**",
    "\\a",
    "[a-b]?",
    "*.*",
    "..",
    ".",
    "\\.x",
)


def paths() -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map("/".join)


def patterns() -> st.SearchStrategy[str]:
    plain = st.lists(st.sampled_from(SEGMENTS), min_size=1, max_size=4).map("/".join)
    shaped = st.tuples(
        st.sampled_from(["", "", "", "!", "!", "! ", "/", "!/", " "]), plain, st.sampled_from(["", "", "/", " ", "/**"])
    )
    return shaped.map("".join) | st.sampled_from(["*", "**", "# comment", "", "!**", "!a", "a", "**/*"])


def trees() -> st.SearchStrategy[dict[str, bool]]:
    """Paths of files, each with whether it is a link; none lies below another."""
    found = st.dictionaries(paths(), st.booleans(), min_size=1, max_size=12)
    return found.map(
        lambda tree: {path: link for path, link in tree.items() if not any(p.startswith(f"{path}/") for p in tree)}
    )


def gathered() -> list[tuple[list[str], dict[str, bool]]]:
    examples: list[tuple[list[str], dict[str, bool]]] = []

    @seed(int(os.environ.get("MOORAGE_PROPERTY_SEED", random.SystemRandom().getrandbits(32))))
    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(lines=st.lists(patterns(), max_size=7), allow_list=st.booleans(), tree=trees())
    def gather(lines: list[str], allow_list: bool, tree: dict[str, bool]) -> None:
        # BuildKit refuses a file that gives the root itself back, as Moorage does.
        lines = [line for line in lines if "!" not in line or normpath(line.strip(" !")) != "/"]
        examples.append((["*", *lines] if allow_list else lines, tree))

    gather()
    return examples


def write(folder: Path, lines: list[str], tree: dict[str, bool]) -> None:
    for path, link in tree.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if link:
            file.symlink_to("a")
        else:
            file.write_text(path)
    (folder / ".dockerignore").write_text("\n".join(lines))


def given_by_buildkit(contexts: dict[str, Path], out: Path) -> None:
    """Copy all that BuildKit is given of each context to a folder of ``out``, all in one build."""
    copies = "\n".join(f"COPY --from={name} / /{name}/" for name in contexts)
    arguments = [f"--build-context={name}={folder}" for name, folder in contexts.items()]
    empty = out.parent / "empty"
    empty.mkdir(exist_ok=True)
    buildx("--file=-", f"--output=type=local,dest={out}", *arguments, str(empty), stdin=f"FROM scratch\n{copies}\n")


def files_of(folder: Path) -> tuple[str, ...]:
    found = [path for path in folder.rglob("*") if path.is_symlink() or path.is_file()] if folder.exists() else []
    return tuple(sorted(path.relative_to(folder).as_posix() for path in found))


def test_whatever_the_patterns_the_context_is_what_buildkit_is_given(tmp_path: Path) -> None:
    moorage("platform", "start")
    examples, expected = gathered(), {}
    for number, (lines, tree) in enumerate(examples):
        folder = tmp_path / f"c{number}"
        folder.mkdir()
        write(folder, lines, tree)
        expected[f"c{number}"] = context_files(folder, folder / ".dockerignore")
    names = list(expected)
    for start in range(0, len(names), 50):
        given_by_buildkit({name: tmp_path / name for name in names[start : start + 50]}, tmp_path / "out")
    wrong = [
        f"{examples[int(name[1:])]}\n  BuildKit: {files_of(tmp_path / 'out' / name)}\n  Moorage: {files}"
        for name, files in expected.items()
        if files_of(tmp_path / "out" / name) != files
    ]
    assert not wrong, f"{len(wrong)} of {len(examples)} differ:\n" + "\n".join(wrong[:10])
    assert len({len(files) for files in expected.values()}) > 3
