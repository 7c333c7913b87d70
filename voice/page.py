"""The page's side of a room: the moderator's attributes, RPC and signed commands, typed messages, private notes.

Owns the wire of commands, not their meaning: each becomes a `Commanded` event, and what the debate decides is the
answer. The caller is who LiveKit says, the role is what the signed token says, never what a payload claims.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from livekit import rtc

from debate.decisions import Decision
from debate.events import Commanded, Uttered
from debate.formats import load_formats
from debate.summaries import Summary
from debate.view import DebateView
from errors import SageError
from memory import uuid7
from providers.chains.receivers import ATTRIBUTE, Receivers
from settings import Settings
from signing import ACK_ATTRIBUTE, TOPIC, Verifier
from voice.attributes import attributes_of, changed
from voice.deliberation import Deliberation
from voice.presence import is_human
from voice.remarks import Remark, Remarks, is_remark, remark_of

logger = logging.getLogger("sage.voice.page")

CHAT_TOPIC = "lk.chat"
MAX_CHAT_CHARS = 2000
MAX_ARGS = 16
MAX_STATE_BYTES = 14_000
"""An RPC's answer is bounded at 15 KiB by LiveKit."""

ANSWER_SECONDS = 0.3
"""The room has an update within milliseconds, but where two overlap (the framework's own `lk.agent.state` is one) the
SDK often misses the answer and waits for 5 s, in which the next part's clock would not be shown."""

MAX_PEOPLE_TOLD = 40
MAX_TEXT_TOLD = 500
RPC_COMMANDS = (
    "persona",
    "topic",
    "format",
    "start",
    "next",
    "pause",
    "resume",
    "quiet",
    "summary",
    "hand",
    "unhand",
    "floor",
    "extend",
    "again",
    "prepare",
    "side",
    "vote",
    "ballot",
    "point",
    "accept",
    "decline",
    "yield",
    "end",
    "factcheck",
    "recall",
)
"""Commands that people may send; whether this debate knows one, and who may, is the debate's to say."""

RPC_REFUSED = 1500
"""Our RPC errors' number (LiveKit keeps 1001-1999 for itself up to 1499); our own code is in the data."""


class Page:
    """Speaks with all pages of one room."""

    def __init__(self, room: rtc.Room, deliberation: Deliberation, settings: Settings) -> None:
        self._room = room
        self._deliberation = deliberation
        self._verifier = Verifier(settings.secret("livekit_api_secret"))
        self._shown: dict[str, str] = {}
        self._wanted: dict[str, str] = {}
        self._troubles: Mapping[str, str] = {}
        self._wake = asyncio.Event()
        self._showing = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._remarks = Remarks()

    async def start(self) -> None:
        """Open for commands and messages, and show the state; where a job before has shown remarks, keep them."""
        self._remarks.take_up(await self._deliberation.decided_before())
        me = self._room.local_participant
        for name in RPC_COMMANDS:
            me.register_rpc_method(f"sage.{name}", self._rpc(name))
        me.register_rpc_method("sage.state", self._state)
        self._room.register_text_stream_handler(CHAT_TOPIC, self._on_chat)
        self._room.on("data_received", self._on_data)
        self._spawn(self._show_attributes())
        now = self._deliberation.now()
        self.follow(self._deliberation.debate.view(now), ())

    async def aclose(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, run: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(run, name="page")
        self._tasks.add(task)
        task.add_done_callback(self._on_task_done)

    def _on_task_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a task of the page failed", exc_info=error)

    # -- state out -----------------------------------------------------------------------------------------
    def follow(self, view: DebateView, decisions: Sequence[Decision]) -> None:
        """Show the new state, and the decisions that are shown rather than spoken."""
        record = self._deliberation.record
        epoch = self._deliberation.epoch(self._deliberation.now())
        self._wanted |= attributes_of(view, record.debate_id, epoch, self._troubles)
        if changed(self._shown, self._wanted):
            self._wake.set()
        for decision in decisions:
            if is_remark(decision):
                remark = remark_of(decision, uuid7(), time.time())
                if not decision.addressed_to:
                    self._remarks.keep(remark)
                self._spawn(self._send(remark, decision.addressed_to))

    def show_before(self, text: str) -> None:
        """Show to all, and to whoever comes later, what was said in this room before; "" for nothing."""
        if text:
            record = self._deliberation.record
            self._spawn(self._send(self._remarks.said_before(text, record.debate_id, record.created_at), ""))

    def show_summary(self, summary: Summary) -> None:
        """Show to all, and to whoever comes later, a summary of a part or of the debate."""
        record, view = self._deliberation.record, self._deliberation.debate.view(self._deliberation.now())
        names = {one.identity: one.name for one in view.people}
        self._spawn(
            self._send(self._remarks.summarised(summary, names, record.debate_id, record.created_at), "")
        )

    def show_services(self, troubles: Mapping[str, str]) -> None:
        """Show which services are in trouble, by what people know them as; {} for none."""
        self._troubles = dict(troubles)
        self.follow(self._deliberation.debate.view(self._deliberation.now()), ())

    def show_receivers(self, receivers: Receivers) -> None:
        """Name who receives audio and text; it holds as long as the plan does."""
        self._wanted[ATTRIBUTE] = receivers.as_json()
        self._wake.set()

    async def _show_attributes(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._show()
            except Exception as error:  # noqa: BLE001 - a page that cannot be told must not end the debate
                logger.warning("attributes could not be shown", extra={"error": type(error).__name__})
                await asyncio.sleep(1.0)
                self._wake.set()

    async def _show(self, also: Mapping[str, str] | None = None) -> None:
        """Bring the attributes up to date, and set `also`, in one update of the room.

        One at a time: what is set later is what stays.
        """
        async with self._showing:
            news = changed(self._shown, self._wanted)
            if not news and not also:
                return
            await self._set({**news, **(also or {})})
            self._shown |= news

    async def _set(self, attributes: dict[str, str]) -> None:
        """Have the room take `attributes`; what it refuses later than ANSWER_SECONDS is set again then."""
        setting = asyncio.ensure_future(self._room.local_participant.set_attributes(attributes))
        self._tasks.add(setting)
        await asyncio.wait([setting], timeout=ANSWER_SECONDS)
        if setting.done():
            self._tasks.discard(setting)
            setting.result()
        else:
            setting.add_done_callback(lambda done: self._on_set_late(done, attributes))

    def _on_set_late(self, setting: asyncio.Task[None], attributes: Mapping[str, str]) -> None:
        self._tasks.discard(setting)
        if not setting.cancelled() and (error := setting.exception()) is not None:
            logger.warning("attributes could not be shown", extra={"error": type(error).__name__})
            for key in attributes:
                self._shown.pop(key, None)
            self._wake.set()

    async def _send(self, remark: Remark, to: str) -> None:
        """Send a remark to one identity, or to all ("")."""
        message = {key: value for key, value in remark.items() if key != "topic"}
        try:
            await self._room.local_participant.send_text(
                json.dumps(message), topic=remark["topic"], destination_identities=[to] if to else None
            )
        except Exception as error:  # noqa: BLE001 - a page that cannot be told must not end the debate
            logger.warning("a remark could not be sent", extra={"error": type(error).__name__})

    # -- commands in -------------------------------------------------------------------------------------------
    def _role(self, identity: str) -> str:
        participant = self._room.remote_participants.get(identity)
        return (
            (participant.attributes.get("sage.role") or "debater") if participant is not None else "audience"
        )

    def _rpc(self, name: str) -> Callable[[rtc.RpcInvocationData], Coroutine[Any, Any, str]]:
        async def answer(call: rtc.RpcInvocationData) -> str:
            args = _arguments(call.payload)
            command = Commanded(call.caller_identity, name, args, self._role(call.caller_identity), "rpc")
            refused = await self._carry_out(command)
            if refused is not None:
                raise rtc.RpcError(RPC_REFUSED, refused[1], json.dumps({"code": refused[0]}))
            return json.dumps({"ok": True})

        return answer

    async def _state(self, call: rtc.RpcInvocationData) -> str:
        view = self._deliberation.debate.view(self._deliberation.now())
        state: dict[str, Any] = dict(
            attributes_of(view, self._deliberation.record.debate_id, time.time(), self._troubles)
        )
        state["elapsed"] = round(view.elapsed, 1)
        state["formats"] = {form.name: form.title for form in load_formats().values()}
        state["mine"] = self._deliberation.debate.voting.of(call.caller_identity)
        state["remarks"] = self._remarks.told()
        state["people"] = [
            {"identity": one.identity, "name": one.name, "talk_seconds": round(one.talk_seconds, 1)}
            for one in view.people[:MAX_PEOPLE_TOLD]
        ]
        said = [
            {
                "identity": one.identity,
                "name": one.name,
                "text": one.text[:MAX_TEXT_TOLD],
                "start": round(one.start, 1),
            }
            for one in view.recent
        ]
        # whoever comes late gets the last words; LiveKit bounds the answer, so the oldest go first
        while len(answer := json.dumps({**state, "recent": said})) > MAX_STATE_BYTES:
            if not said and not state["people"]:
                break
            (said or state["people"]).pop(0 if said else -1)
        return answer

    async def _carry_out(self, command: Commanded) -> tuple[str, str] | None:
        """Let the debate decide; None when it did as told, else (code, message)."""
        decisions = await self._deliberation.ask(command)
        for decision in decisions:
            if decision.kind == "refuse":
                return decision.signal, decision.text
        return None

    def _on_data(self, packet: rtc.DataPacket) -> None:
        if packet.topic == TOPIC:
            self._spawn(self._on_command(packet.data))

    async def _on_command(self, payload: bytes) -> None:
        try:
            command = self._verifier.verify(payload, room=self._deliberation.record.room, now=time.time())
        except SageError as error:
            # the web service sends each command again until it is acknowledged
            level = logging.DEBUG if error.code == "command-repeated" else logging.WARNING
            logger.log(level, "a command was refused", extra={"code": error.code})
            return
        refused = None
        if command.name != "ping":
            refused = await self._carry_out(Commanded(command.by, command.name, command.args, "host", "http"))
        code, message = refused or ("", "")
        acknowledged = {"id": command.id, "ok": refused is None, "code": code, "message": message}
        # with what the command changed: whoever reads that it was done reads the new state too
        await self._show({ACK_ATTRIBUTE: json.dumps(acknowledged)})

    # -- typed messages -----------------------------------------------------------------------------------------
    def _on_chat(self, reader: rtc.TextStreamReader, identity: str) -> None:
        self._spawn(self._read_chat(reader, identity))

    async def _read_chat(self, reader: rtc.TextStreamReader, identity: str) -> None:
        participant = self._room.remote_participants.get(identity)
        if participant is None or not is_human(participant):
            return
        text = ""
        async for piece in reader:
            text += piece
            if len(text) > MAX_CHAT_CHARS:
                text = text[:MAX_CHAT_CHARS]
                break
        if text.strip():
            at = self._deliberation.now()
            self._deliberation.tell(Uttered(uuid7(), identity, text.strip(), at, at, "chat"))


def _arguments(payload: str) -> dict[str, str]:
    """The RPC's JSON object of texts; raises an RPC error that says what was wrong."""
    try:
        args = json.loads(payload or "{}")
    except (ValueError, RecursionError):
        args = None
    if not isinstance(args, dict) or len(args) > MAX_ARGS:
        raise rtc.RpcError(
            RPC_REFUSED, "the payload must be a JSON object", json.dumps({"code": "malformed"})
        )
    return {str(key): str(value) for key, value in args.items()}
