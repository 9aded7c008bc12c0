"""Log lines of programs as an error shows them: without codes for terminals, and not longer than a line."""

from __future__ import annotations

import re

_CODES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours, and whatever else moves or erases
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|\x9c|$)"  # titles, links and other texts for the terminal itself
    r"|\x9b[0-?]*[ -/]*[@-~]"
    r"|\x1b[ -/]*[0-~]"
    r"|\x1b"
)


def readable(line: str, width: int) -> str:
    """Return a line of at most ``width`` characters: what a terminal would show of it in the end, the rest an ellipsis."""
    text = _CODES.sub("", line.rstrip("\r\n")).rpartition("\r")[2].expandtabs(4).rstrip()
    return text if len(text) <= width else f"{text[: width - 1].rstrip()}…"


def last_lines(text: str, count: int, width: int) -> list[str]:
    """Return the last lines that say something."""
    found = [told for line in text.splitlines() if (told := readable(line, width)).strip()]
    return found[-count:]
