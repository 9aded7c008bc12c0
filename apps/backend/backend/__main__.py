"""``python -m backend``: serve the API until SIGTERM. With ``--reload``, start anew at each change of the source."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from harbour.logs import set_up_logging
from harbour.settings import SettingsError

from backend.app import build_app
from backend.settings import load_settings

if TYPE_CHECKING:
    from backend.settings import Settings

KEEP_ALIVE_SECONDS = 100
"""Above the 90 seconds for which Traefik keeps idle connections, so that it never sends into one being closed here."""
GRACEFUL_SHUTDOWN_SECONDS = 25

_log = logging.getLogger("backend")


def main() -> int:
    """Run the server and return the process's exit code."""
    parser = argparse.ArgumentParser(prog="backend", description="Serve the harbour log's API.")
    parser.add_argument("--reload", action="store_true", help="start anew at each change of the source")
    arguments = parser.parse_args()
    try:
        settings = load_settings()
    except SettingsError as error:
        sys.stderr.write(f"backend {error}\n")
        return 2
    set_up_logging(settings.common, "backend")
    return _serve_reloading(settings) if arguments.reload else _serve(settings)


def _serve(settings: Settings) -> int:
    failed = False

    def on_fatal() -> None:
        nonlocal failed
        failed = True
        server.should_exit = True

    server = uvicorn.Server(
        uvicorn.Config(
            build_app(settings, on_fatal),
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            server_header=False,
            ws="none",
            lifespan="on",
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACEFUL_SHUTDOWN_SECONDS,
            forwarded_allow_ips="*",
        )
    )
    # uvicorn raises the signal again once it is done, which by default would turn a clean end into exit code 143.
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGINT, lambda *_: None)
    server.run()
    if failed or not server.started:
        return 1
    _log.info("stopped")
    return 0


def _serve_reloading(settings: Settings) -> int:
    watched = {str(Path(sys.modules[name].__path__[0]).parent) for name in ("backend", "harbour")}
    uvicorn.run(
        "backend.app:reloading_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        ws="none",
        reload=True,
        reload_dirs=sorted(watched),
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACEFUL_SHUTDOWN_SECONDS,
        forwarded_allow_ips="*",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
