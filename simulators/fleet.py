"""All vendors at once, the settings that lead the product to them, and a control port for other processes.

The control port is the simulators' own, not a vendor's: it answers also while a vendor refuses connections.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from types import MappingProxyType
from typing import Any, Self

from aiohttp import web

from simulators.cartesia import CartesiaSimulator
from simulators.chat import CerebrasSimulator, ChatSimulator, OllamaSimulator
from simulators.deepgram import DeepgramSimulator
from simulators.faults import setting_from_json
from simulators.latency import INSTANT, PROFILES, Latencies, LatencyProfile
from simulators.listener import Port
from simulators.openai import OpenAISimulator
from simulators.perplexity import PerplexitySimulator
from simulators.server import Simulator
from simulators.speech import ChatterboxSimulator
from simulators.voxtral import VoxtralSimulator

VENDORS: Mapping[str, type[Simulator]] = MappingProxyType(
    {
        each.vendor: each
        for each in (
            DeepgramSimulator, OpenAISimulator, VoxtralSimulator, PerplexitySimulator, CerebrasSimulator,
            OllamaSimulator, CartesiaSimulator, ChatterboxSimulator,
        )
    }
)  # fmt: skip


class Fleet:
    """Simulators by their vendor's name. `async with` starts and stops them all."""

    def __init__(self, *vendors: str, latency: LatencyProfile = INSTANT, seed: int = 0) -> None:
        """`vendors`: names of VENDORS, none is all."""
        self.simulators = {
            name: VENDORS[name](latency=latency, seed=seed) for name in (vendors or tuple(VENDORS))
        }
        self.control_url = ""
        self._running = AsyncExitStack()

    def __getitem__(self, vendor: str) -> Simulator:
        return self.simulators[vendor]

    async def __aenter__(self) -> Self:
        for simulator in self.simulators.values():
            await self._running.enter_async_context(simulator)
        port = Port()
        self._running.callback(port.close)
        runner = web.AppRunner(_control(self.simulators), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        self._running.push_async_callback(runner.cleanup)
        await web.SockSite(runner, port.listen()).start()
        self.control_url = f"http://127.0.0.1:{port.number}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._running.aclose()

    def settings(self) -> dict[str, Any]:
        """Overrides for `load_settings`: addresses, and keys where a vendor wants one."""
        overrides: dict[str, Any] = {}
        for simulator in self.simulators.values():
            overrides |= settings_for(simulator)
        return overrides

    def environment(self) -> dict[str, str]:
        """The same as environment variables."""
        return {name.upper(): str(value) for name, value in self.settings().items()}


def settings_for(simulator: Simulator) -> dict[str, Any]:
    """The settings that lead the product to one simulator, as overrides for `load_settings`."""
    vendor = simulator.vendor
    if vendor == "ollama":
        return {"ollama_host": simulator.base_url}
    if vendor in ("voxtral", "chatterbox"):
        return {f"{vendor}_host": "127.0.0.1", f"{vendor}_port": simulator.port}
    return {f"{vendor}_base_url": simulator.base_url, f"{vendor}_api_key": f"simulated-{vendor}-key"}


def _control(simulators: Mapping[str, Simulator]) -> web.Application:
    def chosen(request: web.Request) -> Simulator:
        name = request.match_info["vendor"]
        if name not in simulators:
            raise web.HTTPNotFound(text=f"there are {', '.join(simulators)}\n")
        return simulators[name]

    async def get_fault(request: web.Request) -> web.Response:
        return web.json_response(chosen(request).fault.as_json())

    async def put_fault(request: web.Request) -> web.Response:
        simulator = chosen(request)
        try:
            body = await request.json()
            reset_open = isinstance(body, dict) and bool(body.pop("reset_open", False))
            await simulator.set_fault(setting_from_json(body), reset_open=reset_open)
        except ValueError as problem:
            raise web.HTTPBadRequest(text=f"{problem}\n") from None
        return web.json_response(simulator.fault.as_json())

    async def put_latency(request: web.Request) -> web.Response:
        simulator, body = chosen(request), await request.json()
        if body.get("profile") not in PROFILES:
            raise web.HTTPBadRequest(text=f"profile is one of {', '.join(PROFILES)}\n")
        simulator.latencies = Latencies(PROFILES[body["profile"]], int(body.get("seed", 0)))
        return web.json_response(body)

    async def put_script(request: web.Request) -> web.Response:
        simulator, body = chosen(request), await request.json()
        if "heard" in body:
            simulator.script_heard.clear()  # what a segment too few left over must not answer the next question
            simulator.hears(*body["heard"])
        if "answers" in body and isinstance(simulator, ChatSimulator):
            simulator.answers.forget()
            simulator.answers.script(*body["answers"])
        return web.json_response({})

    async def get_record(request: web.Request) -> web.Response:
        simulator = chosen(request)
        return web.json_response(
            {**simulator.record.as_json(), "connections_open": simulator.connections_open}
        )

    app = web.Application()
    app.router.add_get("/{vendor}/_fault", get_fault)
    app.router.add_put("/{vendor}/_fault", put_fault)
    app.router.add_put("/{vendor}/_latency", put_latency)
    app.router.add_put("/{vendor}/_script", put_script)
    app.router.add_get("/{vendor}/_record", get_record)
    return app
