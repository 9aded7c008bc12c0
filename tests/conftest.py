"""Every test runs in the same environment, however pytest was started."""

from __future__ import annotations

from tests.support import environment

environment.enter()
