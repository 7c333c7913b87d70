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

import logs
from debate.formats import DEFAULT_FORMAT, get_format
from errors import InvalidInput, PersonaUnknown
from memory import DebateRecord, Store, open_store, uuid7
from personas.registry import Registry, load_registry
from providers.chains import ChainPlan, plan_chains
from providers.prewarm import Models, load_models
from settings import Settings, load_settings
from voice.moderated_room import ModeratedRoom
from voice.presence import MODERATOR_ATTRIBUTE, is_moderator

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


def prewarm(process: JobProcess) -> None:
    """Read settings, load the models that the chains name. Runs while the process waits for a job."""
    settings = load_settings()
    logs.configure(settings, "worker")
    plan = plan_chains(settings)
    process.userdata["prepared"] = Prepared(settings, plan, load_models(settings, plan), load_registry())


async def accept(request: JobRequest) -> None:
    """Take the job as a participant that pages know as a moderator by its signed attributes."""
    await request.accept(
        name=MODERATOR_NAME,
        identity=f"{IDENTITY_PREFIX}{request.id}",
        attributes={MODERATOR_ATTRIBUTE: "true"},
    )


async def moderate(context: JobContext) -> None:
    """Moderate one room until nobody needs it."""
    prepared: Prepared = context.proc.userdata["prepared"]
    store = open_store(prepared.settings)
    await context.connect(auto_subscribe=AutoSubscribe.AUDIO_ONLY)
    record = await debate_of(context, prepared, store)
    room = ModeratedRoom(
        room=context.room,
        settings=prepared.settings,
        plan=prepared.plan,
        models=prepared.models,
        registry=prepared.registry,
        store=store,
        record=record,
    )
    closing: list[asyncio.Task[None]] = []

    async def close(reason: str = "") -> None:
        room.end(reason or "the worker shuts down")
        if not closing:
            closing.append(asyncio.create_task(_close(room, store), name="job-close"))
        await asyncio.shield(closing[0])

    context.add_shutdown_callback(close)
    reason, failed = "failed", True
    try:
        ghosts = asyncio.create_task(
            _remove_older(context, prepared.settings), name="remove-older-moderators"
        )
        await room.start()
        reason = await room.ended
        failed = room.failed
        ghosts.cancel()
        await asyncio.gather(ghosts, return_exceptions=True)
    except Exception:
        logger.exception("the job has failed", extra={"room": record.room, "debate_id": record.debate_id})
    finally:
        await close()
    logger.info("the job ends", extra={"room": record.room, "debate_id": record.debate_id, "reason": reason})
    if failed:
        # The framework ends a failed job with exit code 0, like any other; the worker's main process dispatches anew
        # by the code. All is written and closed at this point.
        await asyncio.sleep(LOG_SECONDS)
        os._exit(EXIT_FAILED)
    context.shutdown(reason)


async def _close(room: ModeratedRoom, store: Store) -> None:
    try:
        await room.aclose()
    finally:
        await store.aclose()


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
    topic = " ".join((told.get("topic") or settings.debate_topic).split())[:MAX_TOPIC_CHARS]
    return DebateRecord(
        debate_id=debate_id,
        room=context.room.name,
        topic=topic or settings.debate_topic,
        persona=persona,
        format=form,
        created_at=time.time(),
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
