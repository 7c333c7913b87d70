"""The web service as an ASGI application, made from settings. Owns which parts there are and their life."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from api import problems, routes_debates, routes_reports, routes_site, routes_tokens
from api.livekit_server import LiveKitServer
from api.port import LiveKit
from api.service import compose
from api.shell import Shell, security_headers
from api.watch import Watcher
from personas.registry import Registry, load_registry
from settings import Settings

ROOT = Path(__file__).resolve().parent.parent


def create_app(
    settings: Settings,
    *,
    livekit: LiveKit | None = None,
    personas: Registry | None = None,
    root: Path = ROOT,
    watch: bool = True,
) -> FastAPI:
    """The application. `root` is where `web/` and `node_modules/` are; without `watch` nothing runs between
    requests.

    Raises SettingsError for broken persona files and PersonaUnknown where MODERATOR_PERSONA is none of them.
    """
    server = livekit or LiveKitServer(
        settings.livekit_http_url if settings.livekit_configured else "",
        settings.secret("livekit_api_key"),
        settings.secret("livekit_api_secret"),
    )
    service = compose(settings, server, personas or load_registry())
    watcher = Watcher(server, service.moderators)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        if watch and (settings.livekit_configured or livekit is not None):
            watcher.start()
        try:
            yield
        finally:
            await watcher.aclose()
            await server.aclose()
            await service.memory.aclose()

    # The interactive documentation loads scripts from elsewhere; the description itself is at /openapi.json.
    app = FastAPI(title="Sage", lifespan=life, docs_url=None, redoc_url=None)
    problems.install(app)
    app.include_router(routes_tokens.routes(service))
    app.include_router(routes_debates.routes(service))
    app.include_router(routes_reports.routes(service))
    client = root / "node_modules" / "livekit-client" / "dist" / routes_site.CLIENT
    app.include_router(routes_site.routes(service, root / "web", client))
    app.mount("/web", routes_site.PageFiles(directory=root / "web", check_dir=False), name="web")
    app.add_middleware(Shell, headers=security_headers(settings.livekit_ws_url))
    # Outside of the shell, so that a page of an allowed origin can read every refusal too.
    if settings.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.allowed_origins),
            allow_methods=["GET", "POST", "PUT"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["Retry-After"],
            max_age=600,
        )
    return app
