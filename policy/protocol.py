"""The engine's protocol for policy packs, without the SDK that carries it.

Importing ``pulumi`` takes 0.3 s, which every preview and every update would wait for. The protocol's generated modules
need nothing of it, so they are loaded out of the installed SDK under a package of their own.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, Final

_PACKAGE: Final = "policy_protocol"


def _generated() -> tuple[Any, Any, Any]:
    found = find_spec("pulumi")
    if found is None or not found.submodule_search_locations:
        raise ImportError("the environment of the policy pack has no pulumi")
    package = ModuleType(_PACKAGE)
    package.__path__ = [str(Path(found.submodule_search_locations[0]) / "runtime" / "proto")]
    sys.modules[_PACKAGE] = package
    names = ("analyzer_pb2", "plugin_pb2", "analyzer_pb2_grpc")
    analyzer, plugin, services = (import_module(f"{_PACKAGE}.{name}") for name in names)
    return analyzer, plugin, services


messages, plugins, services = _generated()
"""Messages of the protocol, those that all plugins share, and the service itself."""
