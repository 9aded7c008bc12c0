"""Serve the pack to Pulumi's engine."""

from __future__ import annotations

import contextlib
import gc
import sys
from concurrent import futures
from pathlib import Path
from typing import Final

PACK: Final = Path(__file__).resolve().parent
_MOST_BYTES: Final = 400 * 1024 * 1024
"""Of one message, as the engine has it."""
_AT_ONCE: Final = 4


def serve() -> None:
    """Serve the rules until the engine ends the process."""
    # Pulumi puts this folder first on the path, where its modules would hide others of the same name. The pack itself is
    # part of the distribution that this Python has installed.
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != PACK]

    _keep_bytecode()
    import grpc  # type: ignore[import-untyped]

    from moorage.policy.analyzer import Analyzer
    from moorage.policy.protocol import services
    from moorage.policy.session import Session

    options = [("grpc.max_receive_message_length", _MOST_BYTES), ("grpc.max_send_message_length", _MOST_BYTES)]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=_AT_ONCE), options=options)
    services.add_AnalyzerServicer_to_server(Analyzer(Session()), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    gc.freeze()  # what is loaded by now stays: collections need not look at it again
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    with contextlib.suppress(KeyboardInterrupt):  # the engine's way of saying that it has finished
        server.wait_for_termination()
    server.stop(0)


def _keep_bytecode() -> None:
    """Keep bytecode below ``.moorage`` where the environment forbids it beside the sources, as CI runners do.

    Every preview starts the pack again, and compiling it takes as long as all the rest of its start.
    """
    home = PACK.parent / ".moorage"
    if sys.dont_write_bytecode and sys.pycache_prefix is None and home.is_dir():
        sys.pycache_prefix = str(home / "pycache")
        sys.dont_write_bytecode = False


if __name__ == "__main__":
    serve()
