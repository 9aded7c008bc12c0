"""What a command that changes a stack needs before: system packages, the toolchain, the embedded platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorage.platform import debian, toolchain
from moorage.platform.embedded import Platform
from moorage.platform.layout import Layout

if TYPE_CHECKING:
    from moorage.base.console import Steps
    from moorage.engine.session import Session


def prepare(session: Session, steps: Steps) -> None:
    """Bring about what is missing, in three steps."""
    layout, embedded = Layout.of(session.root), session.target.embedded
    with steps.step("System packages") as step:
        installed = debian.install(debian.PLATFORM_NEEDS) if embedded else []
        step.done(f"installed {', '.join(installed)}" if installed else "in place")
    with steps.step("Toolchain") as step:
        built = toolchain.ensure(layout, platform=embedded, step=step)
        step.done(f"{built} components built" if built else "in place")
    with steps.step("Platform") as step:
        if embedded:
            step.done("started" if Platform(layout).start(step) else "already running")
        else:
            step.done("your own cluster, registry and builder")
