"""The comment that a pull request gets: ``python -m moorage.ci.comment STACK FILE`` turns a preview's output into Markdown."""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from moorage.ci import posting
from moorage.ci.sections import read_report, sections

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

LIMIT = 60_000
"""Characters of a preview that are shown; GitHub refuses comments of more than 65,536."""
CAUSES = 4_000
"""Characters of them that errors may take, which are shown first."""
_NAME = 100

_ESCAPE = re.compile(
    r"""
    (?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]                     # colours and movements of the cursor
    | (?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])            # links, titles and other strings, up to their end
      [^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?
    | \x1b[ -/]*[0-~]?                                   # any other
    | [\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]              # control characters alone
    """,
    re.VERBOSE,
)
_FOLD = re.compile(r"^::(?:group::|endgroup::\n?)", re.MULTILINE)
"""What folds lines in the log of a job."""
_RESOURCES = re.compile(r"^Resources:\n((?:    [^\n]+\n?){1,12})", re.MULTILINE)
_COUNT = re.compile(r"\s*([-+~]{0,2} ?\d{1,9} (?:to [a-z-]+|unchanged|changes?|discarded|errored))\.?( .*)?")
_CAUSE = re.compile(r"\s*(?:error\b|- \[mandatory\]|\[mandatory\])")


def markdown(stack: str, output: str, report: Mapping[str, Any] | None = None) -> str:
    """Return the comment for the preview of ``stack`` that printed ``output`` and left a ``report``.

    The first line is an invisible mark by which the comment is found again and replaced. Errors come first.
    """
    text = plain(output)
    found = list(_RESOURCES.finditer(text + "\n"))
    lines = found[-1][1].splitlines() if found else []
    counts = [" ".join(match[1].split()) for line in lines if (match := _COUNT.fullmatch(line))]
    verdict = ", ".join(counts) if counts else "the preview did not finish"
    causes = _shortened("\n".join(dict.fromkeys(_causes(text))), CAUSES, keep_end=False)
    told = sections(report) if report else ""
    shown = _shortened(text, LIMIT - len(causes) - len(told), keep_end=True)
    name = stack[:_NAME]
    return (
        f"<!-- moorage preview {name} -->\n### Preview of `{name}`\n\n{verdict}\n\n"
        f"{_fenced(causes)}{told}"
        f"<details><summary>What would change</summary>\n\n{_fenced(shown)}</details>\n"
    )


def plain(output: str) -> str:
    """Return what a terminal would have shown in the end, without colours; no fence of Markdown is left in it."""
    text = output.replace("\r\n", "\n")
    text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return _FOLD.sub("", _ESCAPE.sub("", text)).replace("```", "'''").replace("~~~", "'''").strip("\n").rstrip()


def _causes(text: str) -> Iterator[str]:
    """Yield each error with the lines below it that are indented further."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if not _CAUSE.match(line):
            continue
        block, depth = [line.strip()], _depth(line)
        for below in lines[number + 1 :]:
            if not below.strip() or _depth(below) <= depth or _CAUSE.match(below):
                break
            block.append("  " + below.strip())
        yield "\n".join(block)


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def _shortened(text: str, limit: int, *, keep_end: bool) -> str:
    if len(text) <= limit:
        return text
    left_out = f"… {len(text) - limit} characters left out …"
    return f"{left_out}\n{text[-limit:]}" if keep_end else f"{text[:limit]}\n{left_out}"


def _fenced(text: str) -> str:
    return f"```\n{text}\n```\n\n" if text else ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the comment, or post it; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m moorage.ci.comment", description="Turn a preview into the comment of a pull request."
    )
    parser.add_argument("stack", metavar="STACK", help="name of the stack")
    parser.add_argument("file", metavar="FILE", type=Path, help="what `moorage preview` printed; it may be missing")
    parser.add_argument("--report", metavar="JSON", type=Path, help="what `moorage preview --report` wrote")
    parser.add_argument("--post", action="store_true", help="write it to the pull or merge request of this job")
    given = parser.parse_args(arguments)
    text = markdown(given.stack, _output(given.file), read_report(given.report))
    where = posting.place(os.environ) if given.post else None
    if where is None:
        sys.stdout.write(text)
        return 0
    try:
        sys.stdout.write(f"comment {posting.post(where, text)}\n")
    except posting.PostingError as error:
        sys.stdout.write(f"::error title=No comment::{error}\n")
        return 1
    return 0


def _output(path: Path) -> str:
    if not path.is_file():
        return "error: the preview could not start; see the job's log\n"
    return path.read_text(encoding="utf-8", errors="replace")


if __name__ == "__main__":
    sys.exit(main())
