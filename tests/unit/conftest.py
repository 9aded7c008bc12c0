"""Fixtures of the unit tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.config_samples import Monorepo

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def monorepo(tmp_path: Path) -> Monorepo:
    """A monorepo that loads, for a test to change."""
    return Monorepo(tmp_path.resolve())
