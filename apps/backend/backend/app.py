"""The ASGI application."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from fastapi import FastAPI

from backend.api import api, health
from backend.errors import install_error_handlers
from backend.middleware import RequestMiddleware
from backend.services import Services

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from backend.settings import Settings


def build_app(settings: Settings, on_fatal: Callable[[], None]) -> FastAPI:
    """Return the application; `on_fatal` is called when it cannot ever become ready."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        services = Services(settings)
        app.state.services = services
        async with services.running(on_fatal):
            yield

    # The pages for /docs come from another host, which the page's content security policy rightly forbids.
    app = FastAPI(
        title="Harbour log", openapi_url="/api/openapi.json", docs_url=None, redoc_url=None, lifespan=lifespan
    )
    app.include_router(health)
    app.include_router(api)
    app.add_middleware(RequestMiddleware)
    install_error_handlers(app)
    return app
