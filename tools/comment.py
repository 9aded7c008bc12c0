"""The comment that a pull request gets: ``python -m tools.comment STACK FILE`` turns a preview's output into Markdown."""

from __future__ import annotations

import re
import sys
from pathlib import Path

LIMIT = 60_000
"""Characters of a preview that are shown; GitHub refuses comments of more than 65,536."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_RESOURCES = re.compile(r"^Resources:\n((?:    .+\n?)+)", re.MULTILINE)


def markdown(stack: str, output: str) -> str:
    """Return the comment for the preview of ``stack`` that printed ``output``.

    The first line is an invisible mark by which the comment is found again and replaced.
    """
    text = _COLOUR.sub("", output).replace("```", "'''").strip()
    found = _RESOURCES.search(text + "\n")
    counts = [" ".join(line.split()) for line in found[1].splitlines()] if found else []
    verdict = ", ".join(counts) if counts else "the preview did not finish"
    shown = text if len(text) <= LIMIT else f"… {len(text) - LIMIT} characters left out …\n{text[-LIMIT:]}"
    return (
        f"<!-- moorage preview {stack} -->\n### Preview of `{stack}`\n\n{verdict}\n\n"
        f"<details><summary>What would change</summary>\n\n```\n{shown}\n```\n\n</details>\n"
    )


if __name__ == "__main__":
    sys.stdout.write(markdown(sys.argv[1], Path(sys.argv[2]).read_text(errors="replace")))
