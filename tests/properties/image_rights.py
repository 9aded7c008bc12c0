"""What rights and owners generated files have, and what GNU find says of them in the file system that BuildKit exports."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from tests.properties.built_images import USER, Node

if TYPE_CHECKING:
    from tests.properties.built_images import Outcome

DECLARED = "/data"
_FOLDERS = ("/app", "/data", "/data/deep", "/etc/app", "/usr/bin", "/run/app", "/tmp")
_CONTENTS = (b"#!/app/run\n", b"\x7fELF", b"{}", b"", b"# a comment\n")
_MODES = st.one_of(
    st.sampled_from([0o644, 0o755, 0o600, 0o444, 0o555]),
    st.integers(min_value=0, max_value=0o7777).map(lambda m: m | 0o400),
)


@dataclass(frozen=True, kw_only=True)
class Rights:
    """Files and folders with any rights and owners."""

    nodes: tuple[Node, ...]

    @property
    def temporary(self) -> set[tuple[str, str]]:
        """Rule and path of the files that are left over for the place that they are in."""
        return {("no-temporary-files", node.path) for node in self.nodes if node.path.startswith("/tmp/")}


def rights() -> st.SearchStrategy[Rights]:
    """Return a strategy for files and folders with any rights and owners."""
    owners = st.sampled_from([0, 0, USER, 500])
    folders = st.builds(
        Node, path=st.sampled_from(_FOLDERS), mode=_MODES.map(lambda m: m | 0o700), uid=owners, folder=st.just(True)
    )
    files = st.builds(
        Node,
        path=st.builds("{}/{}".format, st.sampled_from(_FOLDERS), st.sampled_from(["a", "b.json", "c.sh", "lib.so"])),
        mode=_MODES,
        uid=owners,
        content=st.sampled_from(_CONTENTS),
    )
    return st.builds(
        lambda some, more: Rights(nodes=(*some, *more)),
        st.lists(folders, max_size=4, unique_by=lambda n: n.path),
        st.lists(files, min_size=1, max_size=6, unique_by=lambda n: n.path),
    )


def said_by_find(outcome: Outcome) -> dict[str, set[str]]:
    """Return what GNU find says of an image that is unpacked, by rule."""
    temporary = {path for folder in ("/tmp", "/var/tmp") for path in [folder]}
    sticky = _find(outcome, "-type", "d", "-perm", "-1000") & temporary
    shared = _find(outcome, "!", "-type", "l", "-perm", "/0022") - sticky
    own = _find(outcome, "!", "-type", "l", "-uid", str(USER))
    allowed = {path for path in own if f"{path}/".startswith((f"{DECLARED}/", "/tmp/", "/var/tmp/"))}
    programs = {
        path
        for path in _find(outcome, "-type", "f", "-perm", "/0111")
        if not (outcome.root / path.lstrip("/")).read_bytes().startswith((b"#!", b"\x7fELF"))
    }
    return {
        "no-setuid": _find(outcome, "!", "-type", "l", "-perm", "/6000"),
        "no-shared-writes": shared,
        "no-writes-at-run-time": own - allowed - shared,
        "no-needless-execution": programs,
    }


def _find(outcome: Outcome, *expression: str) -> set[str]:
    # BuildKit's export has these three, which are mount points and no part of the image.
    leave = ["(", "-path", "./dev", "-o", "-path", "./proc", "-o", "-path", "./sys", ")", "-prune", "-o"]
    command = ["find", ".", "-mindepth", "1", *leave, *expression, "-print"]
    result = subprocess.run(command, cwd=outcome.root, capture_output=True, text=True, check=True)
    return {line.removeprefix(".") for line in result.stdout.splitlines()}
