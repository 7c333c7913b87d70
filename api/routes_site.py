"""The page and its files, and whether the service lives: `/`, `/health`, `/ready`, `/web/...`, `/vendor/...`."""

import asyncio
import mimetypes
import time
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api.debate_data import iso
from api.models import Health, Index, Ready
from api.routes_debates import active_rooms
from api.service import Service
from errors import SageError, Unavailable

HEALTH_SECONDS = 1.5
CLIENT = "livekit-client.esm.mjs"


def routes(service: Service, web: Path, client: Path) -> APIRouter:
    """`web` is the folder of the page, `client` the browser's LiveKit client as npm installed it."""
    router = APIRouter()

    def installed() -> Path | None:
        # Asked each time: `npm ci` mends a running service.
        return client if client.is_file() else None

    @router.api_route("/", methods=["GET", "HEAD"], response_model=Index)
    async def index(request: Request) -> Response:
        page = web / "index.html"
        headers = {"Vary": "Accept", "Cache-Control": "no-cache"}
        if "text/html" in request.headers.get("accept", "") and page.is_file():
            return FileResponse(page, headers=headers)
        answer = Index(message="Sage moderates debates in LiveKit rooms.")
        return JSONResponse(answer.model_dump(), headers=headers)

    @router.api_route("/health", methods=["GET", "HEAD"])
    async def health() -> Health:
        """Alive, also when LiveKit is away; then no moderator is counted."""
        active = 0
        if service.settings.livekit_configured:
            try:
                async with asyncio.timeout(HEALTH_SECONDS):
                    active = len(await active_rooms(service))
            except (SageError, TimeoutError):
                active = 0
        return Health(
            timestamp=iso(time.time()),
            livekit_configured=service.settings.livekit_configured,
            active_agents=active,
        )

    @router.api_route("/ready", methods=["GET", "HEAD"])
    async def ready() -> Ready:
        await service.livekit.rooms("sage-ready-probe")
        return Ready(timestamp=iso(time.time()))

    @router.api_route(f"/vendor/{CLIENT}", methods=["GET", "HEAD"], response_class=FileResponse)
    async def livekit_client() -> FileResponse:
        found = installed()
        if found is None:
            raise Unavailable(
                "The browser's LiveKit client is not installed.",
                code="browser-client-missing",
                hint="Run `npm ci` (or `make run`, which does it) where the web service runs.",
                retryable=False,
            )
        return FileResponse(found, media_type="text/javascript", headers={"Cache-Control": "no-cache"})

    return router


class PageFiles(StaticFiles):
    """The page's own files, asked for anew each time: there is no build step that would put versions into
    names.
    """

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


# The machine's own table may call modules application/javascript or nothing at all; browsers then refuse
# them.
for _suffix in (".js", ".mjs"):
    mimetypes.add_type("text/javascript", _suffix)
