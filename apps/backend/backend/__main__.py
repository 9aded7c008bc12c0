"""``python -m backend``: serve the API until SIGTERM."""

from __future__ import annotations

import logging
import signal
import sys
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
    try:
        settings = load_settings()
    except SettingsError as error:
        sys.stderr.write(f"backend {error}\n")
        return 2
    set_up_logging(settings.common, "backend")
    return _serve(settings)


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
    try:
        server.run()
    except SystemExit:
        # uvicorn has just said why it cannot listen.
        _log.critical("cannot start: end what listens on port %d, or set HTTP_PORT to a free port", settings.port)
        return 1
    if failed or not server.started:
        return 1
    _log.info("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
