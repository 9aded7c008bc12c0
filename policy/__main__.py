"""Build the pack and serve it to Pulumi's engine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, cast

ROOT = Path(__file__).resolve().parent.parent


def serve() -> None:
    """Serve the rules until the engine ends the process."""
    # Pulumi puts this folder first on the path, where its modules would hide others of the same name.
    sys.path[:] = [str(ROOT), *(entry for entry in sys.path if Path(entry or ".").resolve() != ROOT / "policy")]

    from pulumi.runtime.proto import analyzer_pb2_grpc
    from pulumi_policy import EnforcementLevel, PolicyPack

    from policy.analyzer import Analyzer, Session
    from policy.pack import PACK, policies

    session = Session()
    rules = policies(session)
    register = analyzer_pb2_grpc.add_AnalyzerServicer_to_server

    def register_wrapped(servicer: Any, server: Any) -> None:
        analyzer = Analyzer(servicer, session, rules)
        register(cast("analyzer_pb2_grpc.AnalyzerServicer", analyzer), server)

    analyzer_pb2_grpc.add_AnalyzerServicer_to_server = register_wrapped
    PolicyPack(PACK, rules, enforcement_level=EnforcementLevel.MANDATORY)


if __name__ == "__main__":
    serve()
