"""The links of the chains, each asked one cheap real question through what the product itself builds.

A language model says OK, a voice speaks it, a recogniser hears three words of the local voice. Owns the questions and
what their answers mean for an operator. Vendors' own texts are never repeated.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, TypeVar
from urllib.parse import urlsplit

import numpy as np
from livekit import rtc
from livekit.agents import APIConnectOptions, llm, stt, tts, utils

from doctor.findings import Finding, degraded, failed, ok
from doctor.machine import INSTALL, check_local_link
from doctor.services import ANSWER_SECONDS, unreachable
from errors import SageError, SettingsError
from personas.registry import DEFAULT_PERSONA, Persona, load_registry
from providers.chains import LOCAL, plan_chains
from providers.chains.attempt import begin
from providers.chains.failures import SAID_NOTHING, Failure, LinkFailed, failure_of
from providers.chains.sound import is_noise, page_at
from providers.registry import KINDS, Kind, Link, find_link, known_links
from settings import Settings

QUESTION = "Say OK."
SPOKEN = "OK."
SAID = "One, two, three."
FIRST: dict[Kind, str] = {"stt": "text", "llm": "first token", "tts": "first sound"}
NOT_AUDIO = "what it sends is no sound"
CLOSE_SECONDS = 1.5
_SAMPLE_RATE = 16_000  # what ears feed
_FRAME = _SAMPLE_RATE // 50
_QUIET_SECONDS = 0.6  # after the words: recognisers that listen for an end find one
_QUIET_LOUDNESS = 30.0  # about -60 dB: some invent words in digital silence
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Questioner:
    """What all questions of one run share."""

    settings: Settings
    persona: Persona | None
    seconds: float
    """How long an answer may take."""


async def check_chains(
    settings: Settings, *, ask: bool = True, answer_seconds: float = ANSWER_SECONDS
) -> list[Finding]:
    """Each link of each chain: has it what it needs, and does it answer. Without `ask` nobody is asked."""
    unknown: list[Finding] = []
    try:
        plan = plan_chains(settings)
    except SettingsError as error:
        unknown = [failed(p.variable, p.problem, p.remedy) for p in error.problems]
        settings = _with_known_links(settings)
        plan = plan_chains(settings)
    out = {(left.kind, left.name): left for left in plan.left_out}
    known: dict[tuple[Kind, str], Finding | None] = {}  # None: to be asked
    for kind in KINDS:
        for name in _in_order(getattr(settings, f"{kind}_chain"), plan.links(kind)):
            check = f"{kind}: {name}"
            if left := out.get((kind, name)):
                known[kind, name] = degraded(check, f"left out: {left.reason}", left.remedy)
            elif name == LOCAL:
                known[kind, name] = check_local_link(check, kind)
            else:
                known[kind, name] = None if ask else ok(check, "configured, not asked")
    asked = [find_link(*key) for key, finding in known.items() if finding is None]
    answers = await _ask_all(asked, Questioner(settings, _persona(settings), answer_seconds))
    return [*unknown, *_weighed(known, answers)]


def _with_known_links(settings: Settings) -> Settings:
    """The same without the links that nobody knows: the others are worth a look all the same."""
    named = {f"{kind}_chain": getattr(settings, f"{kind}_chain") for kind in KINDS}
    known = {f"{kind}_chain": known_links(kind) for kind in KINDS}
    return settings.model_copy(
        update={chain: tuple(name for name in named[chain] if name in known[chain]) for chain in named}
    )


def load(settings: Settings) -> None:
    """Import what the links need, and make the speech. It takes seconds on a busy machine, which are not the vendors':
    to be called before any time is taken, and outside of any loop."""
    plan = plan_chains(_with_known_links(settings))
    questioner = Questioner(settings, _persona(settings), 0.0)
    links = [find_link(kind, name) for kind in KINDS for name in plan.links(kind) if name != LOCAL]
    if not links:
        return
    asyncio.run(_build_once(links, questioner))
    if any(link.kind == "stt" for link in links):
        speech()


async def _build_once(links: list[Link], questioner: Questioner) -> None:
    async with _plugins():
        for link in links:
            await _close([_build(link, questioner)])


async def _ask_all(links: list[Link], questioner: Questioner) -> dict[tuple[Kind, str], Finding]:
    """All links side by side, and all of them built before the first is asked: what this machine does for the others
    is not a vendor's time."""
    if not links:
        return {}
    async with _plugins():
        built = [(link, _build(link, questioner)) for link in links]
        findings = await asyncio.gather(*(_examine(link, plugin, questioner) for link, plugin in built))
    return {(link.kind, link.name): finding for link, finding in zip(links, findings, strict=True)}


def _in_order(named: tuple[str, ...], planned: tuple[str, ...]) -> tuple[str, ...]:
    """The links of a chain as its setting names them, and what the plan adds to them where it adds it."""
    order = list(dict.fromkeys(named))
    for number, name in enumerate(planned):
        if name not in order:
            order.insert(order.index(planned[number - 1]) + 1 if number else len(order), name)
    return tuple(order)


def _weighed(
    known: dict[tuple[Kind, str], Finding | None], answers: dict[tuple[Kind, str], Finding]
) -> list[Finding]:
    """All findings in order. A dead link is a weakness; a moderator that hears nobody, or has no voice, has failed."""
    findings = {key: finding or answers[key] for key, finding in known.items()}
    living = {kind for (kind, _), finding in findings.items() if finding.state == "OK"}
    return [
        replace(finding, state="failed")
        if (kind, name) in answers and finding.state != "OK" and kind not in {"llm", *living}
        else finding
        for (kind, name), finding in findings.items()
    ]


def _persona(settings: Settings) -> Persona | None:
    """The persona whose voices are tried. What is wrong with personas has its own finding."""
    try:
        registry = load_registry()
        return registry.get(
            settings.moderator_persona if settings.moderator_persona in registry else DEFAULT_PERSONA
        )
    except SageError:
        return None


def _build(link: Link, questioner: Questioner) -> Any:
    """The plugin as a chain builds it, or the exception that this raises."""
    if link.kind == "tts" and questioner.persona is None:
        return LinkFailed("not asked: there is no persona to speak as")
    more: dict[Kind, tuple[Any, ...]] = {"stt": (), "llm": (lambda _: "",), "tts": (questioner.persona,)}
    try:
        return link.build(questioner.settings, *more[link.kind])
    except Exception as error:  # noqa: BLE001 - a package that is missing, a setting that its SDK refuses
        return error


async def _examine(link: Link, plugin: Any, questioner: Questioner) -> Finding:
    """One question to one link: `questioner.seconds` for the answer, and CLOSE_SECONDS for its end."""
    check = f"{link.kind}: {link.name}"
    if isinstance(plugin, ImportError):
        return degraded(check, "its package is not installed", INSTALL)
    loop = asyncio.get_running_loop()
    noted = begin()
    opened = [plugin]
    try:
        if isinstance(plugin, Exception):
            raise plugin
        if link.kind == "stt" and await asyncio.to_thread(speech) is None:
            return await _connect_only(check, link, questioner)
        asked_at = loop.time()
        await _within(questioner.seconds, _ASK[link.kind](plugin, questioner.seconds, opened))
        milliseconds = (loop.time() - asked_at) * 1000
    except Exception as error:  # noqa: BLE001 - plugins raise what their clients raise
        failure = failure_of(error, noted)
        return degraded(check, failure.reason, _remedy(failure, link, questioner.settings))
    finally:
        await _close(opened)
    return ok(check, f"answers, {FIRST[link.kind]} after {milliseconds:.0f} ms")


async def _connect_only(check: str, link: Link, questioner: Questioner) -> Finding:
    host, port = _host_and_port(link, questioner.settings)
    if problem := await unreachable(host, port, questioner.seconds):
        remedy = _remedy(Failure(problem), link, questioner.settings)
        return degraded(check, f"{host}:{port} does not answer ({problem})", remedy)
    return ok(check, f"{host}:{port} can be reached; not asked, as there is no local voice to speak to it")


def _host_and_port(link: Link, settings: Settings) -> tuple[str, int]:
    parts = urlsplit(link.address(settings) if link.address is not None else "")
    return parts.hostname or "", parts.port or (80 if parts.scheme in {"http", "ws"} else 443)


def _remedy(failure: Failure, link: Link, settings: Settings) -> str:
    """What mends it, in names of settings that there are."""
    vendor, chain = link.name.split("-", maxsplit=1)[0], f"{link.kind.upper()}_CHAIN"
    # a fallback that nobody named comes with the link that it follows
    leave = f"take {link.name if link.name in getattr(settings, chain.lower()) else vendor} out of {chain}"
    if failure.status is None:
        host, port = _host_and_port(link, settings)
        by_host = getattr(settings, f"{vendor}_host", None) and not getattr(settings, f"{vendor}_base_url")
        where = f"{vendor}_{'host' if by_host else 'base_url'}".upper()
        return f"see what answers at {host}:{port} ({where}), or {leave}"
    return failure.remedy(link.kind, link.name) or f"look at that server's log, or {leave}"


# -- the questions ------------------------------------------------------------------------------------------------


def _once(seconds: float) -> APIConnectOptions:
    return APIConnectOptions(max_retry=0, timeout=seconds)


async def _ask_model(plugin: llm.LLM[Any], seconds: float, opened: list[Any]) -> None:
    """Until the first token. Raises what the plugin raises, LinkFailed where there is none."""
    context = llm.ChatContext.empty()
    context.add_message(role="user", content=QUESTION)
    stream = plugin.chat(chat_ctx=context, conn_options=_once(seconds))
    opened.append(stream)
    async for chunk in stream:
        if chunk.has_response():
            return
    raise LinkFailed(SAID_NOTHING)


async def _ask_voice(plugin: tts.TTS[Any], seconds: float, opened: list[Any]) -> None:
    """Until the first sound. Raises as `_ask_model`."""
    stream: tts.SynthesizeStream | tts.ChunkedStream
    if plugin.capabilities.streaming:
        stream = plugin.stream(conn_options=_once(seconds))
        stream.push_text(SPOKEN)
        stream.flush()
        stream.end_input()
    else:
        stream = plugin.synthesize(SPOKEN, conn_options=_once(seconds))
    opened.append(stream)
    async for audio in stream:
        if len(sound := bytes(audio.frame.data)):
            if page_at(sound) is not None or is_noise(sound):
                raise LinkFailed(NOT_AUDIO)
            return
    raise LinkFailed(SAID_NOTHING)


async def _ask_recogniser(plugin: stt.STT[Any], seconds: float, opened: list[Any]) -> None:
    """Until the text of three words. Raises as `_ask_model`."""
    frames = list(_frames(speech() or b""))
    if not plugin.capabilities.streaming:
        event = await plugin.recognize(frames, conn_options=_once(seconds))
        if event.alternatives and event.alternatives[0].text.strip():
            return
        raise LinkFailed(SAID_NOTHING)
    stream = plugin.stream(conn_options=_once(seconds))
    opened.append(stream)
    for frame in frames:
        stream.push_frame(frame)
    stream.flush()
    async for event in stream:
        if event.type is stt.SpeechEventType.FINAL_TRANSCRIPT:
            if event.alternatives and event.alternatives[0].text.strip():
                return
            break
    raise LinkFailed(SAID_NOTHING)


_ASK: dict[Kind, Callable[[Any, float, list[Any]], Coroutine[Any, Any, None]]] = {
    "stt": _ask_recogniser,
    "llm": _ask_model,
    "tts": _ask_voice,
}


@cache
def speech() -> bytes | None:
    """Three words as int16 mono PCM of 16 kHz with a quiet end; None where this machine has no voice of its own."""
    try:
        from providers.local.hibari_voice import SAMPLE_RATE, VoiceStyle, shared_voice

        voice = shared_voice()
        spoken = voice.worker.submit(voice.speak, SAID, VoiceStyle()).result()
    except Exception:  # noqa: BLE001 - whatever keeps the voice from being loaded has its own finding (tts: local)
        return None
    quiet = np.random.default_rng(1).normal(0, _QUIET_LOUDNESS, int(_QUIET_SECONDS * SAMPLE_RATE))
    pcm = np.concatenate([spoken.samples * 32767.0, quiet]).astype(np.int16)
    resampler = rtc.AudioResampler(SAMPLE_RATE, _SAMPLE_RATE)
    parts = [*resampler.push(rtc.AudioFrame(pcm.tobytes(), SAMPLE_RATE, 1, len(pcm))), *resampler.flush()]
    return b"".join(bytes(part.data) for part in parts)


def _frames(pcm: bytes) -> Iterator[rtc.AudioFrame]:
    size = _FRAME * 2
    for start in range(0, len(pcm) // size * size, size):
        yield rtc.AudioFrame(pcm[start : start + size], _SAMPLE_RATE, 1, _FRAME)


# -- bounds -------------------------------------------------------------------------------------------------------


async def _within(seconds: float, run: Coroutine[Any, Any, T]) -> T:
    """What `run` answers, or TimeoutError. One that does not end when it is told to is not waited for."""
    task = asyncio.create_task(run)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    finally:
        task.cancel()
        task.add_done_callback(lambda late: late.cancelled() or late.exception())
    if not done:
        raise TimeoutError
    return task.result()


async def _close(opened: list[Any]) -> None:
    """Close streams and plugins, the last one first. Every plugin may hang in it."""

    async def close_all() -> None:
        for one in reversed(opened):
            with contextlib.suppress(Exception):  # also for one that was never built
                await one.aclose()

    with contextlib.suppress(TimeoutError):
        await _within(CLOSE_SECONDS, close_all())


@asynccontextmanager
async def _plugins() -> AsyncIterator[None]:
    """Plugins outside of a job: an HTTP session of their own, and no log lines, which quote what vendors say."""
    loggers = [logging.getLogger(name) for name in ("livekit", "openai", "httpx", "httpx2", "asyncio")]
    before = [logger.propagate for logger in loggers]
    nowhere = logging.NullHandler()
    for logger in loggers:
        logger.propagate = False
        logger.addHandler(nowhere)
    try:
        async with utils.http_context.open():
            yield
    finally:
        for logger, propagate in zip(loggers, before, strict=True):
            logger.removeHandler(nowhere)
            logger.propagate = propagate
