"""Reports of debates and their transcripts, for who was in the room and for operators. Owns no form: see `report`.

A browser opens them by a form that posts its room's token: no token stands in an address, where histories and logs
would keep it.
"""

import asyncio
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Path, Request, Response

from api.authority import Authorization, bearer, check_may_read
from api.models import RoomName
from api.service import Service
from errors import NotFound
from memory import DebateRecord, Record
from memory.ids import is_uuid
from report import FORMS, report_of

Id = Annotated[RoomName, Path()]

FILES = {
    "report": FORMS["html"],
    "report.html": FORMS["html"],
    "report.md": FORMS["md"],
    "report.json": FORMS["json"],
    "transcript.vtt": FORMS["vtt"],
    "transcript.txt": FORMS["txt"],
}
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Of the page: it loads nothing, and nothing in it runs."""


def routes(service: Service) -> APIRouter:
    router = APIRouter()

    async def answer(debate_id: str, file: str, token: str) -> Response:
        debate, records = await _read(service, debate_id, token)
        form = FILES[file]

        def make() -> str:
            speed = service.settings.format_speed
            return form.make(report_of(debate, records, service.personas, speed=speed))

        # a long debate takes a second: other requests go on meanwhile
        text = await asyncio.to_thread(make)
        kind = "inline" if form.inline else "attachment"
        name = f"{debate.room}-{debate.debate_id[:8]}-{file.partition('.')[0]}.{form.ending}"
        headers = {"Content-Disposition": f'{kind}; filename="{name}"', "Content-Security-Policy": POLICY}
        return Response(text, media_type=f"{form.media_type}; charset=utf-8", headers=headers)

    def offer(file: str) -> None:
        @router.get(f"/debates/{{debate_id}}/{file}", response_class=Response, name=file)
        async def read(debate_id: Id, authorization: Authorization = None) -> Response:
            """A debate for people to read, by its id or by its room's name (the latest one there)."""
            return await answer(debate_id, file, bearer(authorization))

        @router.post(f"/debates/{{debate_id}}/{file}", response_class=Response, name=f"{file} by form")
        async def read_by_form(debate_id: Id, request: Request) -> Response:
            """The same for a browser: the field `token` of a form holds the room's token."""
            body = (await request.body()).decode("utf-8", "replace")
            return await answer(debate_id, file, parse_qs(body).get("token", [""])[0])

    for file in FILES:
        offer(file)
    return router


async def _read(service: Service, wanted: str, token: str) -> tuple[DebateRecord, tuple[Record, ...]]:
    """The debate of that id, or the latest one of that room, with all of its rows. Raises Unauthorized, NotFound."""
    holder = check_may_read(service, token)
    found = await service.memory.debate(wanted) if is_uuid(wanted) else None
    debate = found or await service.memory.latest_debate(wanted)
    if debate is None or (holder is not None and holder.room != debate.room):
        raise NotFound(
            f"Nothing is known of a debate {wanted}.",
            code="debate-unknown",
            hint="Use a debate's id, or the name of a room in which somebody has debated.",
        )
    kinds = ("event", "decision", "spoken", "note")
    return debate, await service.memory.records(debate.debate_id, kinds=kinds)
