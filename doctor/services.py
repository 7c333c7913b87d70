"""Checks that ask other processes: LiveKit, Supabase, our own ports. The links of the chains are links.py's.

Every question here is one that costs nothing. Without `ask` nobody outside of this machine is asked.
"""

from __future__ import annotations

import asyncio
import sqlite3
from urllib.parse import urlsplit

import aiohttp

from doctor.findings import Finding, degraded, failed, ok
from errors import SageError
from settings import Settings

ANSWER_SECONDS = 4.0
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


async def check_livekit(settings: Settings, *, ask: bool = True) -> list[Finding]:
    """Reachable, and it accepts our credentials."""
    if not settings.livekit_configured:
        remedy = "`make run` starts one; else set LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET"
        return [degraded("LiveKit", "not configured", remedy)]
    if not ask:
        return [ok("LiveKit", "configured, not asked")]
    from livekit import api

    where = settings.livekit_http_url
    client = api.LiveKitAPI(
        where,
        settings.secret("livekit_api_key"),
        settings.secret("livekit_api_secret"),
        timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS),
        failover=False,
    )
    try:
        rooms = await client.room.list_rooms(api.ListRoomsRequest())
    except api.TwirpError as error:
        if error.status in {401, 403} or error.code in {"unauthenticated", "permission_denied"}:
            remedy = "set LIVEKIT_API_KEY and LIVEKIT_API_SECRET as that server has them"
            return [failed("LiveKit", f"{where} refuses our credentials", remedy)]
        return [failed("LiveKit", f"{where} answers {error.code}: {error.message}", _curl(where))]
    except (TimeoutError, OSError, aiohttp.ClientError, ValueError) as error:
        return [failed("LiveKit", f"{where} does not answer ({type(error).__name__})", _curl(where))]
    finally:
        await client.aclose()
    findings = [ok("LiveKit", f"{where} accepts our credentials, {len(rooms.rooms)} rooms")]
    if len(settings.secret("livekit_api_secret")) < 32:
        remedy = "use a secret of 32 characters and more on both sides"
        findings.append(degraded("LiveKit secret", "short enough to be guessed", remedy))
    return findings


def _curl(where: str) -> str:
    return f"start LiveKit or correct LIVEKIT_URL; then: curl {where}"


async def unreachable(host: str, port: int, seconds: float = ANSWER_SECONDS) -> str:
    """Why nothing answers there, "" when something does."""
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError) as error:
        return type(error).__name__
    writer.close()
    return ""


async def check_supabase(settings: Settings, *, ask: bool = True) -> list[Finding]:
    """Configured with the key that may write, reachable, and the key accepted."""
    name = "Supabase"
    if not settings.supabase_url:
        return [ok(name, "not configured: debates are kept in the journal alone")]
    key = settings.secret("supabase_service_role_key")
    if not key:
        remedy = "set SUPABASE_SERVICE_ROLE_KEY; the anon key may not write"
        return [degraded(name, "has no key that may write", remedy)]
    if not ask:
        return [ok(name, "configured, not asked")]
    url = settings.supabase_url.rstrip("/") + "/rest/v1/"
    headers = {"apikey": key, "Authorization": f"Bearer {key}"}
    try:
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(url, headers=headers) as answer,
        ):
            status = answer.status
    except (TimeoutError, OSError, aiohttp.ClientError, ValueError) as error:
        detail = f"does not answer ({type(error).__name__}): debates stay in the journal"
        return [degraded(name, detail, f"correct SUPABASE_URL; then: curl {url}")]
    if status in {401, 403}:
        return [
            failed(name, "refuses SUPABASE_SERVICE_ROLE_KEY", "copy the service role key of this project")
        ]
    if status >= 400:
        return [degraded(name, f"answers {status}: debates stay in the journal", f"look at: curl {url}")]
    return [ok(name, "reachable, key accepted")]


async def check_replica(settings: Settings, *, ask: bool = True) -> list[Finding]:
    """Whether debates are sent to Supabase, its tables are there, and how far it is behind."""
    # memory's client takes a second to import, which nobody needs who has no Supabase
    from memory.replica import tables_of, why_no_replica
    from memory.replicator import rows_left

    name = "replica"
    if not settings.supabase_url:
        return [ok(name, "none: recall and reports see this machine's debates alone")]
    if reason := why_no_replica(settings):
        detail, _, remedy = reason.partition(": ")
        return [degraded(name, detail, remedy)]
    try:
        left, refused = await asyncio.to_thread(rows_left, settings.data_dir)
    except (OSError, sqlite3.Error) as error:
        detail = f"how far it is behind cannot be read ({type(error).__name__})"
        return [degraded(name, detail, "let this user write DATA_DIR")]
    behind = f"{left} rows are still to be sent" if left else "all is sent"
    if ask:
        tables = tables_of(settings)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await tables.select("journals", lambda query: query.limit(1))
        except SageError as error:
            return [degraded(name, f"{error.message} {behind}", error.hint)]
        except TimeoutError:
            return [degraded(name, f"Supabase does not answer in time; {behind}", "python -m memory status")]
        finally:
            await tables.aclose()
    if refused:
        remedy = "python -m memory status names them; the journal has them"
        return [degraded(name, f"{refused} rows were refused; {behind}", remedy)]
    return [ok(name, behind)]


async def check_ports(settings: Settings) -> list[Finding]:
    """The token server and the worker: running, still to be started, or is their port somebody else's."""
    parts = [
        ("token server", "TOKEN_SERVER_PORT", settings.token_server_port, "/health"),
        ("worker", "WORKER_HEALTH_PORT", settings.worker_health_port, "/"),
    ]
    return list(await asyncio.gather(*(_check_port(*part) for part in parts if part[2])))


async def _check_port(check: str, variable: str, port: int, path: str) -> Finding:
    if await unreachable("127.0.0.1", port):
        return ok(check, f"not running; port {port} is free for it")
    try:
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"http://127.0.0.1:{port}{path}") as answer,
        ):
            if answer.status == 200:
                return ok(check, f"answers on port {port}")
            detail = f"port {port} answers {answer.status}"
    except (TimeoutError, OSError, aiohttp.ClientError) as error:
        detail = f"port {port} is taken by something else ({type(error).__name__})"
    return degraded(check, detail, f"end what listens there, or set {variable}")


async def check_privacy(settings: Settings) -> list[Finding]:
    """What the runbook asks of production: no speech in the logs, encrypted ways."""
    if not settings.production:
        return []
    findings: list[Finding] = []
    if settings.log_transcripts:
        findings.append(degraded("transcripts", "what people say is logged", "set LOG_TRANSCRIPTS=false"))
    for name in type(settings).model_fields:
        if not name.endswith("_url") or name in settings.secret_names() or not getattr(settings, name):
            continue
        url = urlsplit(getattr(settings, name))
        if url.scheme in {"ws", "http"} and url.hostname not in LOOPBACK:
            secure = "wss://" if name == "livekit_url" else "https://"
            findings.append(degraded(name.upper(), "is not encrypted", f"use {secure}"))
    return findings or [ok("privacy", "no speech in logs, encrypted ways only")]
