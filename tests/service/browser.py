"""A real Chromium with a microphone that speaks on command, and a moderator that follows a script.

Owns the pieces that browser tests share: launching, joining through the page, hearing what the page plays, and
a participant of kind agent for pages to look at. It asserts nothing itself.
"""

import asyncio
import contextlib
import json
import os
import shutil
import uuid
import wave
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from livekit import api, rtc
from playwright.async_api import Browser, BrowserContext, Page, Route, async_playwright

from api.tokens import BESIDE, Mint
from launcher.livekit_server import RunningServer
from tests.service.conftest import missing
from voice.page import RPC_COMMANDS

REPOSITORY = Path(__file__).parents[2]
AXE = REPOSITORY / "node_modules" / "axe-core" / "axe.min.js"
CLIENT = REPOSITORY / "node_modules" / "livekit-client" / "dist" / "livekit-client.esm.mjs"
FLAGS = (
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    # Pages in the background would be throttled, and with them their audio graphs and timers.
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
)
ALLOWED = "--use-fake-ui-for-media-stream"
DENIED = "--use-fake-ui-for-media-stream=deny"
SAMPLE_RATE = 24_000
FRAME_SAMPLES = SAMPLE_RATE // 50
SPEECH_PATH = "/speech-for-tests/"
Samples = npt.NDArray[np.float32]

# The microphone: silence with a little noise (recognisers invent words in digital silence) until `say`.
SPEAKING_MICROPHONE = """(() => {
  if (!navigator.mediaDevices) return;
  let graph;
  const build = () => {
    if (graph) return graph;
    const context = new AudioContext();
    const out = context.createMediaStreamDestination();
    const noise = context.createBuffer(1, context.sampleRate * 2, context.sampleRate);
    const samples = noise.getChannelData(0);
    for (let i = 0; i < samples.length; i += 1) samples[i] = (Math.random() - 0.5) * 0.002;
    const hiss = new AudioBufferSourceNode(context, { buffer: noise, loop: true });
    hiss.connect(out);
    hiss.start();
    graph = { context, out };
    return graph;
  };
  navigator.mediaDevices.getUserMedia = async () => {
    const { context, out } = build();
    await context.resume();
    return out.stream.clone();
  };
  window.say = async (url) => {
    const { context, out } = build();
    const bytes = await (await fetch(url)).arrayBuffer();
    const source = new AudioBufferSourceNode(context, { buffer: await context.decodeAudioData(bytes) });
    source.connect(out);
    const done = new Promise((resolve) => (source.onended = resolve));
    source.start();
    await done;
    return source.buffer.duration;
  };
})();"""

# No microphone at all: where nothing is to be heard, pages without sound leave the cores to what is tested.
NO_MICROPHONE = """(() => {
  const none = () => Promise.reject(new DOMException("none", "NotFoundError"));
  if (navigator.mediaDevices) navigator.mediaDevices.getUserMedia = none;
})();"""

# Loudness of what the page plays, as a person would hear it: the loudest 50 ms since `listen` began.
EARS = """(() => {
  let ears;
  window.listen = () => {
    ears = ears || { context: new AudioContext(), heard: new Set() };
    ears.loudest = 0;
    ears.soundedAt = performance.now();
    clearInterval(ears.timer);
    ears.timer = setInterval(() => {
      for (const element of document.querySelectorAll('#sounds audio')) {
        if (ears.heard.has(element) || !element.srcObject) continue;
        ears.heard.add(element);
        const analyser = new AnalyserNode(ears.context, { fftSize: 2048 });
        ears.context.createMediaStreamSource(element.srcObject).connect(analyser);
        const samples = new Float32Array(analyser.fftSize);
        setInterval(() => {
          if (element.paused) return;
          analyser.getFloatTimeDomainData(samples);
          const rms = Math.sqrt(samples.reduce((sum, one) => sum + one * one, 0) / samples.length);
          ears.loudest = Math.max(ears.loudest, rms);
          if (rms > 0.001) ears.soundedAt = performance.now();
        }, 40);
      }
    }, 40);
    return ears.context.resume();
  };
  window.loudest = () => ears.loudest;
  window.quietFor = () => (performance.now() - ears.soundedAt) / 1000;
})();"""


def at_localhost(url: str) -> str:
    """As people type it: http://localhost:PORT/."""
    return url.replace("127.0.0.1", "localhost") + "/"


def require_browser() -> str:
    """The path of Chromium; skips (fails in CI) naming what is missing."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        missing("Chromium", "apt-get install -y --no-install-recommends chromium")
    if not CLIENT.exists() or not AXE.exists():
        missing("the browser packages", "npm ci")
    return str(path)


@contextlib.asynccontextmanager
async def chromium(*flags: str, microphone: str = ALLOWED) -> AsyncIterator[Browser]:
    """A headless Chromium whose microphone is allowed, or refused with `microphone=DENIED`."""
    path = require_browser()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=[*FLAGS, microphone, *flags])
        try:
            yield browser
        finally:
            for context in browser.contexts:
                # A closed page leaves its room at once; a killed browser's participant stays for 20 s.
                for page in context.pages:
                    await page.close(run_before_unload=False)
            await browser.close()


@dataclass
class Visitor:
    """One person with one page. `console` holds the page's warnings and errors."""

    context: BrowserContext
    page: Page
    console: list[str] = field(default_factory=list)
    speech: dict[str, bytes] = field(default_factory=dict)

    async def join(self, name: str, room: str, topic: str = "", *, wait: bool = True) -> None:
        """Fills in the form and joins; returns when the debate is shown, or at once without `wait`."""
        await self.page.get_by_label("Your name").fill(name)
        await self.page.get_by_label("Room", exact=True).fill(room)
        await self.page.get_by_role("textbox", name="Topic").fill(topic)
        await self.page.get_by_role("button", name="Join with microphone").click()
        if wait:
            await self.page.locator("#debate").wait_for()

    async def say(self, wav: bytes) -> float:
        """Speaks a wav file into the page's microphone; returns its seconds once it was spoken."""
        name = f"{uuid.uuid4().hex}.wav"
        self.speech[name] = wav
        return float(await self.page.evaluate("(url) => window.say(url)", SPEECH_PATH + name))

    async def listen(self) -> None:
        await self.page.evaluate("() => window.listen()")

    async def loudest(self) -> float:
        """The loudest 50 ms (RMS, 1 is full scale) that the page has played since `listen`."""
        return float(await self.page.evaluate("() => window.loudest()"))

    async def hears(self, rms: float = 0.02, timeout: float = 20.0) -> None:
        """Waits until something at least that loud was played."""
        await self.page.wait_for_function("(rms) => window.loudest() >= rms", arg=rms, timeout=timeout * 1000)

    async def hears_nothing_more(self, seconds: float = 1.5, timeout: float = 30.0) -> None:
        """Waits until that long nothing was played: what was said is heard a while after it was said."""
        await self.page.wait_for_function("(s) => window.quietFor() > s", arg=seconds, timeout=timeout * 1000)

    def card(self, name: str) -> Any:
        return self.page.locator(".card").filter(has=self.page.get_by_role("heading", name=name, exact=True))

    async def until(self, expression: str, argument: Any = None, timeout: float = 30.0) -> None:
        """Waits for a JavaScript function to answer true (a bare expression would break the page's CSP)."""
        await self.page.wait_for_function(expression, arg=argument, timeout=timeout * 1000)


async def visit(
    browser: Browser, url: str, *, speaks: bool = True, has_microphone: bool = True, **context: Any
) -> Visitor:
    """Opens the page as somebody new. `speaks` gives a microphone that `say` speaks into."""
    opened = await browser.new_context(**context)
    page = await opened.new_page()
    visitor = Visitor(opened, page)

    async def serve_speech(route: Route) -> None:
        wav = visitor.speech[route.request.url.rsplit("/", 1)[1]]
        await route.fulfill(body=wav, content_type="audio/wav")

    await opened.route(f"**{SPEECH_PATH}*", serve_speech)
    if not has_microphone:
        await opened.add_init_script(NO_MICROPHONE)
    elif speaks:
        await opened.add_init_script(SPEAKING_MICROPHONE)
    await opened.add_init_script(EARS)
    page.on("console", lambda line: visitor.console.append(f"{line.type}: {line.text}"))
    page.on("pageerror", lambda error: visitor.console.append(f"pageerror: {error}"))
    page.set_default_timeout(30_000)
    await page.goto(url)
    return visitor


async def with_role(visitor: Visitor, server: RunningServer, role: str) -> None:
    """Has the visitor join in `role`, whoever came first: nobody can ask to be host."""
    if role in BESIDE:
        await visitor.page.select_option("#role", role)
        return

    async def sign_anew(route: Route) -> None:
        response = await route.fetch()
        answer = await response.json()
        mint = Mint(server.api_key, server.api_secret, 3600)
        holder = mint.holder(answer["token"])
        if holder is not None:
            token = mint.for_person(room=holder.room, identity=holder.identity, name=holder.name, role=role)
            answer["token"] = token.jwt
        await route.fulfill(response=response, json=answer)

    await visitor.page.route("**/participant-token", sign_anew)


Decide = Callable[[str, str, dict[str, str]], Awaitable[Any]]
"""What answers a command: caller, name and arguments in, JSON out; raises RpcError to refuse."""


@dataclass
class ScriptedModerator:
    """A participant of kind agent that does what the worker's contract says, when the test says so."""

    room: rtc.Room
    source: rtc.AudioSource
    track: str
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    decide: Decide | None = None
    heard: asyncio.Queue[tuple[str, str]] = field(default_factory=asyncio.Queue)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def identity(self) -> str:
        return self.room.local_participant.identity

    async def attributes(self, **values: str) -> None:
        """Sets attributes: `persona="x"` is `sage.persona`, `state="thinking"` is `lk.agent.state`."""
        named = {
            ("lk.agent.state" if key == "state" else f"sage.{key}"): value for key, value in values.items()
        }
        await self.room.local_participant.set_attributes(named)

    async def caption(self, identity: str, text: str, *, segment: str, final: bool = False) -> None:
        """A debater's words so far: a whole text that replaces the one before of the same segment."""
        attributes = {
            "lk.segment_id": segment,
            "lk.transcription_final": "true" if final else "false",
            "lk.transcribed_track_id": self.track,
        }
        writer = await self.room.local_participant.stream_text(
            topic="lk.transcription", sender_identity=identity, attributes=attributes
        )
        await writer.write(text)
        await writer.aclose(attributes=attributes)

    @contextlib.asynccontextmanager
    async def reply(self, segment: str = "") -> AsyncIterator[Callable[[str], Any]]:
        """A spoken reply: the words that are written appear as they come, and end with the block."""
        attributes = {
            "lk.segment_id": segment or f"SG_{uuid.uuid4().hex[:12]}",
            "lk.transcription_final": "false",
            "lk.transcribed_track_id": self.track,
        }
        writer = await self.room.local_participant.stream_text(
            topic="lk.transcription", sender_identity=self.identity, attributes=attributes
        )
        yield writer.write
        await writer.aclose(attributes={**attributes, "lk.transcription_final": "true"})

    async def remark(self, topic: str, content: Mapping[str, Any]) -> None:
        await self.room.local_participant.send_text(json.dumps(content), topic=topic)

    async def tone(self, seconds: float) -> None:
        """Sounds a tone for everybody, in real time."""
        samples = (_sine(seconds) * 32767).astype(np.int16)
        for start in range(0, len(samples) - FRAME_SAMPLES + 1, FRAME_SAMPLES):
            part = samples[start : start + FRAME_SAMPLES].tobytes()
            await self.source.capture_frame(rtc.AudioFrame(part, SAMPLE_RATE, 1, FRAME_SAMPLES))
        await self.source.wait_for_playout()

    async def leave(self) -> None:
        """Leaves the room; safe to call again."""
        for task in self._tasks:
            task.cancel()
        if self.room.isconnected():
            await self.room.disconnect()
            await self.source.aclose()


async def scripted_moderator(
    server: RunningServer,
    room_name: str,
    *,
    name: str = "Sage",
    kind: Any = "agent",
    refuses: str = "",
    state: Mapping[str, Any] | None = None,
    **attributes: str,
) -> ScriptedModerator:
    """Joins as the moderator, or as somebody who poses as one (`kind="standard"`).

    Persona switches are granted, or refused with the words of `refuses`; `state` is what `sage.state` answers.
    """
    room = rtc.Room()
    source = rtc.AudioSource(SAMPLE_RATE, 1)
    track = rtc.LocalAudioTrack.create_audio_track("moderator", source)
    moderator = ScriptedModerator(room, source, "")

    async def persona(call: rtc.RpcInvocationData) -> str:
        arguments = json.loads(call.payload)
        moderator.calls.append((call.caller_identity, arguments))
        if refuses:
            raise rtc.RpcError(1500, refuses)
        await moderator.attributes(persona=arguments["persona"])
        return json.dumps({"persona": arguments["persona"]})

    async def whole_state(call: rtc.RpcInvocationData) -> str:
        told = state or {}
        return json.dumps(
            await moderator.decide(call.caller_identity, "state", {}) if moderator.decide else told
        )

    def command(name: str) -> Callable[[rtc.RpcInvocationData], Coroutine[Any, Any, str]]:
        async def answer(call: rtc.RpcInvocationData) -> str:
            assert moderator.decide is not None, name
            return json.dumps(await moderator.decide(call.caller_identity, name, json.loads(call.payload)))

        return answer

    def chat(reader: rtc.TextStreamReader, identity: str) -> None:
        async def read() -> None:
            moderator.heard.put_nowait((identity, await reader.read_all()))

        task = asyncio.create_task(read())
        moderator._tasks.add(task)
        task.add_done_callback(moderator._tasks.discard)

    room.register_text_stream_handler("lk.chat", chat)
    token = (
        api.AccessToken(server.api_key, server.api_secret)
        .with_identity(f"agent-{uuid.uuid4().hex[:10]}")
        .with_name(name)
        .with_kind(kind)
        .with_grants(
            api.VideoGrants(
                room_join=True, room=room_name, agent=kind == "agent", can_update_own_metadata=True
            )
        )
    )
    await room.connect(server.url, token.to_jwt())
    for known in RPC_COMMANDS:
        room.local_participant.register_rpc_method(f"sage.{known}", command(known))
    room.local_participant.register_rpc_method("sage.persona", persona)
    room.local_participant.register_rpc_method("sage.state", whole_state)
    options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
    publication = await room.local_participant.publish_track(track, options)
    moderator.track = publication.sid
    defaults = {"state": "listening", "persona": "neutral-facilitator", "format": "open-discussion"}
    defaults["debate_id"] = str(uuid.uuid4())
    await moderator.attributes(**(defaults | attributes))
    return moderator


class Moderate(Protocol):
    """Has a scripted moderator join a room; options as of `scripted_moderator`."""

    async def __call__(
        self, room_name: str, *, server: RunningServer | None = None, **options: Any
    ) -> ScriptedModerator: ...


def tone(seconds: float) -> bytes:
    """A steady sound as a wav file: it counts as talking, and no recogniser hears words in it."""
    return _wav(_sine(seconds))


@cache
def speech(text: str) -> bytes:
    """`text` spoken by the bundled voice, as a wav file; the same each time."""
    from hibari import Hibari

    return _wav(Hibari()(text, seed=1))


def _sine(seconds: float, hertz: float = 330.0) -> Samples:
    wave_form = 0.35 * np.sin(np.arange(int(seconds * SAMPLE_RATE)) * hertz * 2 * np.pi / SAMPLE_RATE)
    return wave_form.astype(np.float32)


def _wav(samples: Samples) -> bytes:
    out = BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return out.getvalue()
