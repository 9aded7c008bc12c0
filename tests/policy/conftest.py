"""Where the embedded platform runs, its API server is asked as well. Stacks are new: nothing of the machine's is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.policy import api_server

if TYPE_CHECKING:
    from collections.abc import Iterator

collect_ignore = [] if api_server.answers() else ["test_api_server.py", "test_built_images.py"]


@pytest.fixture(scope="package", autouse=True)
def backend_without_stacks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Have the pack read the state of stacks from an empty folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path_factory.mktemp('backend')}")
        yield
