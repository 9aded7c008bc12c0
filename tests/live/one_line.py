"""One changed line of the backend, an update, a report of it, and the way back: seen once, for all that look at it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.support.checkout import Checkout

SOURCE = "apps/backend/backend/api.py"


@dataclass(frozen=True, kw_only=True)
class OneLine:
    """What was seen of the stack, as `Checkout.state` has it, and what was told of the build."""

    before: dict[str, tuple[Any, ...]]
    changed: dict[str, tuple[Any, ...]]
    back: dict[str, tuple[Any, ...]]
    status: int
    """What the page's API answered after the change."""
    report: dict[str, Any]
    page: str
    """The report as HTML."""

    @classmethod
    def of(cls, copy: Checkout) -> OneLine:
        """Change the line, and take it back."""
        copy.whole()
        before = copy.state()
        copy.edit(SOURCE, 'return {"status": "ok"}', 'return {"status": "fine"}')
        copy.moorage("up", copy.stack)
        with copy.running.http() as client:
            status = client.get("/api/berths").status_code
        changed, html = copy.state(), copy.root / ".moorage" / "report.html"
        report = json.loads(copy.moorage("report", copy.stack, "--json", "--html", str(html)).stdout)
        copy.whole()
        page = html.read_text()
        return cls(before=before, changed=changed, back=copy.state(), status=status, report=report, page=page)
