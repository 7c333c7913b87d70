"""One job: from the dispatch of a room to its end. What the framework calls in its processes.

Owns reading the job's metadata, preparing the process and the order of joining and leaving. Runs in the job process
(`prewarm`, `moderate`) and, for `accept`, in the worker's main process.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from dataclasses import dataclass
from typing import Any

from livekit import api, rtc
from livekit.agents import AutoSubscribe, JobContext, JobProcess, JobRequest
from livekit.agents.cli import AgentsConsole
from opentelemetry.sdk.trace import TracerProvider

import logs
from debate.formats import DEFAULT_FORMAT, get_format
from errors import InvalidInput, PersonaUnknown
from memory import DebateRecord, Store, open_store, uuid7
from personas.registry import Registry, load_registry
from providers.chains import ChainPlan, plan_chains
from providers.prewarm import Models, load_models
from settings import Settings, load_settings
from voice.console import ConsoleDebate
from voice.handing_over import handed_over
from voice.moderated_room import ModeratedRoom
from voice.moderator import Assignment
from voice.presence import MODERATOR_ATTRIBUTE, is_moderator
from voice.telemetry import export_spans, flush_spans

logger = logging.getLogger("sage.voice.job")

AGENT_NAME = "sage-debate-moderator"
MODERATOR_NAME = "Sage"
IDENTITY_PREFIX = "agent-"
LEAVE_SECONDS = 2.0
"""How long an older moderator has to leave by itself before it counts as a ghost."""

MAX_TOPIC_CHARS = 500
EXIT_FAILED = 70
"""EX_SOFTWARE of sysexits.h."""

LOG_SECONDS = 0.2
"""What the process's last log lines take to the worker's main process."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a job process holds ready before any room is given to it."""

    settings: Settings
    plan: ChainPlan
    models: Models
    registry: Registry
    tracer: TracerProvider | None
    """Where spans go; None where nobody wants any."""


def prewarm(process: JobProcess) -> None:
    """Read settings, load the models that the chains name. Runs while the process waits for a job."""
    settings = load_settings()
    logs.configure(settings, "worker", conversing=AgentsConsole.get_instance().enabled)
    plan = plan_chains(settings)
    process.userdata["prepared"] = Prepared(
        settings, plan, load_models(settings, plan), load_registry(), export_spans(settings)
    )


async def accept(request: JobRequest) -> None:
    """Take the job as a participant that pages know as a moderator by its signed attributes."""
    await request.accept(
        name=MODERATOR_NAME,
        identity=f"{IDENTITY_PREFIX}{request.id}",
        attributes={MODERATOR_ATTRIBUTE: "true"},
    )


async def moderate(context: JobContext) -> None:
    """Take the room and return: the framework lets no shutdown begin before its entry function is done (15 s)."""
    prepared: Prepared = context.proc.userdata["prepared"]
    job = context.proc.userdata["job"] = Job(context, prepared)
    await job.start()


async def leave(context: JobContext) -> None:
    """The framework ends the job: leave while the room is still connected, so that the last words are shown."""
    job: Job | None = context.proc.userdata.get("job")
    if job is not None:
        await job.close("the worker shuts down")


class Job:
    """One debate's job in this process, from `start` until nobody needs it or `close`."""

    def __init__(self, context: JobContext, prepared: Prepared) -> None:
        self._context = context
        self._prepared = prepared
        self._store: Store | None = None
        self._place: ModeratedRoom | ConsoleDebate | None = None
        self._life: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Join and begin; answers when the moderator is on its way."""
        try:
            store = self._store = open_store(self._prepared.settings)
            await self._context.connect(auto_subscribe=AutoSubscribe.AUDIO_ONLY)
            record = await debate_of(self._context, self._prepared, store)
            ready = self._prepared
            state = handed_over(self._context.room.metadata, record.debate_id)
            given = Assignment(
                record, ready.settings, ready.plan, ready.models, ready.registry, store, handed_over=state
            )
            self._place = _place_of(self._context, given)
        except Exception:
            logger.exception("the job could not begin", extra={"room": self._context.job.room.name})
            await self.close("failed")
            await self._fail()
            return
        self._life = asyncio.create_task(self._live(self._place), name="job-life")

    async def _live(self, place: ModeratedRoom | ConsoleDebate) -> None:
        reason, failed = "failed", True
        about = {"room": place.record.room, "debate_id": place.record.debate_id}
        ghosts = asyncio.create_task(
            _remove_older(self._context, self._prepared.settings), name="remove-older-moderators"
        )
        try:
            await place.start()
            reason = await place.ended
            failed = place.failed
        except Exception:
            logger.exception("the job has failed", extra=about)
        finally:
            ghosts.cancel()
            await asyncio.gather(ghosts, return_exceptions=True)
            await self.close(reason)
        logger.info("the job ends", extra={**about, "reason": reason})
        if failed:
            await self._fail()
        self._context.shutdown(reason)

    async def close(self, reason: str) -> None:
        """Leave the room and close the journal; may be called again, and answers when all is written."""
        if self._place is not None:
            self._place.end(reason)
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(), name="job-close")
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        try:
            if self._place is not None:
                await self._place.aclose()
        finally:
            if self._store is not None:
                await self._store.aclose()
            await flush_spans(self._prepared.tracer)

    async def _fail(self) -> None:
        """End the process by EXIT_FAILED: the framework ends a failed job with exit code 0, like any other; the
        worker's main process dispatches anew by the code. All is written and closed at this point."""
        await asyncio.sleep(LOG_SECONDS)
        if self._context.is_fake_job():
            self._context.shutdown("failed")  # the console's job is a thread of the only process there is
        else:
            os._exit(EXIT_FAILED)


def _place_of(context: JobContext, given: Assignment) -> ModeratedRoom | ConsoleDebate:
    """Where the moderator sits: in the job's room, or at the console, whose room is none."""
    return ConsoleDebate(given) if context.is_fake_job() else ModeratedRoom(context.room, given)


# -- the assignment --------------------------------------------------------------------------------------------
async def debate_of(context: JobContext, prepared: Prepared, store: Store) -> DebateRecord:
    """The debate that the job is for: the job's metadata over the room's over the settings' defaults.

    A room with neither id continues nothing: it is a new debate. What cannot be used (an unknown persona, a topic of
    another type) falls back to the default with a warning, because a room with people needs a moderator in any case.
    """
    settings = prepared.settings
    told = {**_metadata(context.room.metadata), **_metadata(context.job.metadata)}
    debate_id = told.get("debate_id") or uuid7()
    if (known := await store.debate(debate_id)) is not None:
        return known
    persona = told.get("persona") or settings.moderator_persona
    try:
        prepared.registry.get(persona)
    except PersonaUnknown as error:
        logger.warning("the job asks for an unknown persona", extra={"code": error.code})
        persona = settings.moderator_persona
    form = told.get("format") or DEFAULT_FORMAT
    try:
        get_format(form)
    except InvalidInput as error:
        logger.warning("the job asks for an unknown format", extra={"code": error.code})
        form = DEFAULT_FORMAT
    state = handed_over(context.room.metadata, debate_id)
    topic = " ".join((told.get("topic") or settings.debate_topic).split())[:MAX_TOPIC_CHARS]
    return DebateRecord(
        debate_id=debate_id,
        room=context.room.name,
        topic=topic or settings.debate_topic,
        persona=persona,
        format=form,
        # the debate's seconds are counted from its beginning, wherever that was
        created_at=state["epoch"] if state is not None else time.time(),
    )


def _metadata(text: str) -> dict[str, str]:
    """The texts of a JSON object; nothing for anything else, because metadata may be anybody's."""
    try:
        data: Any = json.loads(text or "{}")
    except ValueError:
        return {}
    if not isinstance(data, dict):
        return {}
    return {str(key): value for key, value in data.items() if isinstance(value, str) and value}


# -- other moderators --------------------------------------------------------------------------------------------
async def _remove_older(context: JobContext, settings: Settings) -> None:
    """The newest dispatch wins: whoever moderated here before leaves by itself, or is a ghost and is removed."""
    if context.is_fake_job():
        return
    older = [one.identity for one in context.room.remote_participants.values() if is_moderator(one)]
    if not older:
        return
    gone = asyncio.Event()

    def on_left(_: rtc.RemoteParticipant) -> None:
        if not any(identity in context.room.remote_participants for identity in older):
            gone.set()

    context.room.on("participant_disconnected", on_left)
    try:
        async with asyncio.timeout(LEAVE_SECONDS):
            await gone.wait()
        return
    except TimeoutError:
        pass
    finally:
        context.room.off("participant_disconnected", on_left)
    client = api.LiveKitAPI(
        settings.livekit_http_url, settings.secret("livekit_api_key"), settings.secret("livekit_api_secret")
    )
    try:
        for identity in older:
            if identity in context.room.remote_participants:
                await client.room.remove_participant(
                    api.RoomParticipantIdentity(room=context.room.name, identity=identity)
                )
                logger.warning("removed the ghost of a moderator", extra={"room": context.room.name})
    except api.TwirpError as error:
        logger.warning("a ghost could not be removed", extra={"code": error.code})
    finally:
        await client.aclose()
