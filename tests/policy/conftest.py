"""Where the embedded platform runs, its API server is asked as well."""

from __future__ import annotations

from tests.policy import api_server

collect_ignore = [] if api_server.answers() else ["test_api_server.py", "test_built_images.py"]
