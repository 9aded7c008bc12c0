"""``make bench``: measures the shipped stack on the embedded platform, beside plain buildx and kubectl.

Results go to ``.moorage/bench/<time>.json`` and, as a table, to the terminal. Arguments choose measures by name.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from moorage.base.console import Steps, out
from tests.bench import changes, measures, policies, rivals
from tests.bench.figure import Figure
from tests.support.stack import ROOT

if TYPE_CHECKING:
    from pathlib import Path

_CALLERS = ("PULUMI_", "KUBECONFIG", "DOCKER_CONFIG", "BUILDX_")
_SHOWN = 500
"""Characters of why a measure failed."""

MEASURES = (
    measures.cold_up,
    measures.warm_up,
    measures.no_op,
    measures.code_change,
    measures.health,
    measures.restart,
    measures.image_sizes,
    measures.cached_stack,
    policies.policy_pack,
    policies.policy_check,
    measures.platform_restart,
    changes.affected,
    changes.decision,
    rivals.buildx,
    rivals.kubectl,
)


def main(names: list[str]) -> int:
    """Run the chosen measures, all by default; print and keep their figures, and name those that fail.

    Return 1 where any did.
    """
    chosen = [measure for measure in MEASURES if not names or measure.__name__ in names]
    steps, figures = Steps(len(chosen)), list[Figure]()
    path = ROOT / ".moorage" / "bench" / f"{time.strftime('%Y%m%d-%H%M%S')}.json"
    failed: dict[str, str] = {}
    for measure in chosen:
        name = measure.__name__.replace("_", " ")
        try:
            with steps.step(name) as step:
                found = measure()
                step.done(f"{len(found)} figures")
        except Exception as error:  # noqa: BLE001  # whatever ends one measure, the others are worth having
            failed[name] = f"{type(error).__name__}: {error}"
            continue
        figures += found
        _keep(path, figures)
    out.print(_table(figures))
    for name, why in failed.items():
        out.print(f"[red]not measured[/]  {name}: {escape(why[-_SHOWN:])}")
    out.print(f"\n[dim]measured on {_machine()}; kept in {path.relative_to(ROOT)}[/]")
    return 1 if failed else 0


def own_variables() -> None:
    """Take nothing of the caller's for what is measured: neither his Pulumi's backend nor his cluster."""
    for name in list(os.environ):
        if name.startswith(_CALLERS):
            del os.environ[name]


def _keep(path: Path, figures: list[Figure]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": _machine(), "figures": [asdict(figure) for figure in figures]}, indent=2))


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release()}"


def _table(figures: list[Figure]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("figure", "measured", "target", "plain tools", "ratio"):
        table.add_column(title, justify="left" if title == "figure" else "right")
    rivals_of = {figure.rival_of: figure for figure in figures if figure.rival_of}
    for figure in figures:
        if figure.rival_of:
            continue
        rival = rivals_of.get(figure.name)
        met = figure.target is None or figure.value <= figure.target
        table.add_row(
            figure.name,
            f"[{'green' if met else 'red'}]{figure.shown()}[/]",
            figure.shown_target(),
            rival.shown() if rival else "",
            f"{figure.value / rival.value:.2f}" if rival and rival.value else "",
        )
    return table


if __name__ == "__main__":
    own_variables()
    sys.exit(main(sys.argv[1:]))
