"""Reports over HTTP: who may read them, in which forms, by id and by room; and what a browser is told of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from debate.events import Joined
from memory import Journal
from tests.api_memory_livekit import MemoryLiveKit
from tests.contract.test_api_commands import bearing
from tests.contract.test_api_routes import ADMIN, application, client_of, refusal
from tests.unit.journalled import Journalled

WORDS = "Fewer cars mean cleaner air in every street."
FILES = {
    "report": "text/html",
    "report.html": "text/html",
    "report.md": "text/markdown",
    "report.json": "application/json",
    "transcript.vtt": "text/vtt",
    "transcript.txt": "text/plain",
}


async def kept(folder: Path, words: str = WORDS) -> str:
    """A debate in the journal; its id."""
    played = Journalled()
    played.tell(Joined("ana", "Ana"))
    played.says("ana", words)
    store = Journal(folder)
    await store.open_debate(played.record)
    await store.append(played.records)
    await store.aclose()
    return played.record.debate_id


@asynccontextmanager
async def served(folder: Path, **changes: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A web service that reads the journals of `folder`, from its start to its end."""
    livekit = MemoryLiveKit(lambda: datetime.now(UTC).timestamp())
    app = application(livekit, data_dir=str(folder), **changes)
    async with app.router.lifespan_context(app), client_of(app) as client:
        yield client


@pytest.fixture
async def production(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with served(tmp_path, sage_env="production", admin_token=ADMIN) as client:
        yield client


async def token_of(web: httpx.AsyncClient, room: str) -> str:
    made = await web.post(
        "/participant-token", json={"room_name": room, "participant_name": "Ana", "topic": "T"}
    )
    return str(made.json()["token"])


async def test_every_form_by_id_and_by_room(tmp_path: Path):
    debate = await kept(tmp_path)
    async with served(tmp_path) as web:
        for name in (debate, "agora"):
            for file, kind in FILES.items():
                response = await web.get(f"/debates/{name}/{file}")
                assert (response.status_code, response.headers["content-type"]) == (
                    200,
                    f"{kind}; charset=utf-8",
                )
                assert WORDS in response.text
                assert response.headers["cache-control"] == "no-store"
        page = await web.get(f"/debates/{debate}/report")
        assert "script" not in page.headers["content-security-policy"].replace("'none'", "")
        assert page.headers["content-disposition"].startswith("inline; ")
        # a caption file is of no use in a tab
        captions = await web.get(f"/debates/{debate}/transcript.vtt")
        assert captions.headers["content-disposition"].startswith("attachment; ")
        for unknown in ("nowhere", debate[:-1] + ("0" if debate[-1] != "0" else "1")):
            refusal(await web.get(f"/debates/{unknown}/report"), 404, "debate-unknown")
        assert (await web.get(f"/debates/{debate}/report.exe")).status_code == 404


async def test_the_latest_debate_of_a_room_is_meant(tmp_path: Path):
    await kept(tmp_path, "The words of the first debate.")
    second = await kept(tmp_path, "The words of the second debate.")
    async with served(tmp_path) as web:
        assert (await web.get("/debates/agora/report.json")).json()["debate_id"] == second


async def test_in_production_who_was_not_in_the_room_reads_nothing(
    production: httpx.AsyncClient, tmp_path: Path
):
    debate = await kept(tmp_path)
    for token in ("", "nonsense", ADMIN[:-1]):
        for name in (debate, "agora", "nowhere"):
            refusal(
                await production.get(f"/debates/{name}/report", headers=bearing(token)),
                401,
                "room-token-required",
            )
    elsewhere = await token_of(production, "cellar")
    # somebody else's room is answered like one that never was
    refusal(
        await production.get(f"/debates/{debate}/report", headers=bearing(elsewhere)), 404, "debate-unknown"
    )
    for token in (await token_of(production, "agora"), ADMIN):
        assert WORDS in (await production.get(f"/debates/{debate}/report", headers=bearing(token))).text


async def test_a_browser_posts_its_token_in_a_form(production: httpx.AsyncClient, tmp_path: Path):
    debate = await kept(tmp_path)
    token = await token_of(production, "agora")
    assert WORDS in (await production.post(f"/debates/{debate}/report", data={"token": token})).text
    assert WORDS in (await production.post(f"/debates/{debate}/transcript.txt", data={"token": token})).text
    for form in ({}, {"token": "x"}, {"other": token}):
        refusal(await production.post(f"/debates/{debate}/report", data=form), 401, "room-token-required")
    # a token in an address would be kept by histories and logs: it is not looked at
    refusal(
        await production.get(f"/debates/{debate}/report", params={"token": token}), 401, "room-token-required"
    )
