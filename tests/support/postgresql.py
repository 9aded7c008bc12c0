"""Installs PostgreSQL's server where the machine has none, for the backend's own tests: ``python -m tests.support.postgresql``."""

from __future__ import annotations

import sys
from pathlib import Path

from moorage.base.console import show_problem
from moorage.base.errors import MoorageError
from moorage.platform.debian import Need, install

SERVERS = Path("/usr/lib/postgresql")
"""Where Debian keeps each version's programs."""


def main() -> int:
    """Return 0 where there is a server now, and 1 with the command to run where it cannot be installed."""
    if any(SERVERS.glob("*/bin/initdb")) or Path("/usr/bin/initdb").exists():
        return 0
    try:
        install([Need("postgresql", str(SERVERS), "the tests of the backend's outages")])
    except MoorageError as error:
        for problem in error.problems:
            show_problem(problem)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
