"""A Supabase project on loopback for tests: the REST routes that our client asks, over a real Postgres, with faults.

Where Postrust is installed (`BUILD` says how) it answers, as the PostgREST dialect, and this is only the proxy in front
of it; else the few routes that memory uses are answered here, by the SQL that PostgREST makes of them. Either way the
client, the wire and the database are real.
"""

import asyncio
import json
import os
import re
import subprocess
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl

import aiohttp
import jwt
import psycopg
from aiohttp import web
from psycopg import sql

from memory.schema import apply
from tests.contract.postgres_server import PostgresServer, ends, free_port

SLOW_SECONDS = 2.0
SECRET = "a secret of this test run, long enough"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sage"
POSTRUST = CACHE / "postrust-3.1.0" / "bin" / "postrust"
BUILD = "cargo install postrust-server --version 3.1.0 --root ~/.cache/sage/postrust-3.1.0"

_OPERATORS = {"eq": "=", "neq": "<>", "gt": ">", "lt": "<", "gte": ">=", "lte": "<="}


def key(role: str, secret: str = SECRET) -> str:
    """A project's key for `role`, as Supabase makes them."""
    return jwt.encode({"role": role, "iss": "supabase"}, secret, algorithm="HS256")


class SupabaseServer:
    """One project. `script` holds a fault for each of the next requests, taken in order: None, a status, or one of
    "hang", "refuse" (the connection is closed unanswered), "lose" (done, but the answer is lost), "slow" (done, and
    answered after `SLOW_SECONDS`). `away` closes the port itself, in the middle of whatever goes on, until `back`.
    """

    def __init__(self, postgres: PostgresServer, *, postrust: bool) -> None:
        self._postgres = postgres
        self.database = postgres.database()
        self.script: deque[int | str | None] = deque()
        self.forever: int | str | None = None
        self.most_rows: int | None = None
        """What the project answers at most (PostgREST's db-max-rows)."""

        self.requests: list[tuple[str, str]] = []
        self.on_request: Callable[[str, str], None] = lambda _method, _table: None
        self._postrust = postrust
        self._process: subprocess.Popen[bytes] | None = None
        self._upstream = ""
        self._runner: web.AppRunner | None = None
        self._hung = asyncio.Event()
        self._port = 0
        self.url = ""

    @property
    def postgres_url(self) -> str:
        return self._postgres.url(self.database)

    async def start(self, *, schema: bool = True) -> Self:
        if schema:
            await asyncio.to_thread(apply, self.postgres_url)
        if self._postrust:
            await self._start_postrust()
        await self.back()
        return self

    async def back(self) -> None:
        """Listen, on the port that it had before."""
        app = web.Application(client_max_size=20_000_000)
        app.router.add_route("*", "/rest/v1/{table}", self._answer)
        app.router.add_route("POST", "/rest/v1/rpc/{table}", self._answer)
        self._hung.clear()
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = int(self._runner.addresses[0][1])
        self.url = f"http://127.0.0.1:{self._port}"

    async def away(self) -> None:
        """Close the port and every connection; what hangs is cut."""
        self._hung.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def stop(self) -> None:
        await self.away()
        if self._process is not None:
            await asyncio.to_thread(ends, self._process)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What the database itself holds."""
        with psycopg.connect(self.postgres_url) as database:
            return database.execute(query.encode(), values or None).fetchall()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        table = request.match_info["table"]
        self.requests.append((request.method, table))
        self.on_request(request.method, table)
        fault = self.script.popleft() if self.script else self.forever
        if fault == "refuse":
            return _cut(request)
        if fault == "hang":
            await self._hung.wait()
            return _cut(request)
        if isinstance(fault, int):
            return web.Response(
                status=fault, text="<html>a proxy's own page</html>", content_type="text/html"
            )
        body = await request.read()
        answer = await (self._forward(request, body) if self._postrust else self._carry_out(request, body))
        if self.most_rows is not None and request.method == "GET" and answer.status == 200:
            rows = json.loads(answer.text or "[]")[: self.most_rows]
            answer = web.Response(text=json.dumps(rows), content_type="application/json")
        if fault == "slow":
            await asyncio.sleep(SLOW_SECONDS)
        return _cut(request) if fault == "lose" else answer

    # -- the proxy in front of Postrust ---------------------------------------------------------------------
    async def _start_postrust(self) -> None:
        port = free_port()
        environment = {
            "DATABASE_URL": self._postgres.url(self.database, "authenticator"),
            "PGRST_COMPAT_MODE": "true",
            "PGRST_DB_ANON_ROLE": "anon",
            "PGRST_DB_SCHEMAS": "public",
            "PGRST_JWT_SECRET": SECRET,
            "PGRST_SERVER_HOST": "127.0.0.1",
            "PGRST_SERVER_PORT": str(port),
            "PGRST_DB_CHANNEL_ENABLED": "true",
            "PGRST_DB_MAX_ROWS": "1000",
            "PGRST_DB_POOL_TIMEOUT": "2",
        }
        self._process = await asyncio.to_thread(
            subprocess.Popen,
            [str(POSTRUST)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._upstream = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 20
        async with aiohttp.ClientSession() as session:
            while True:
                try:
                    async with session.get(f"{self._upstream}/healthz") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    await asyncio.to_thread(time.sleep, 0.05)
                if time.monotonic() > deadline:
                    raise RuntimeError("Postrust does not answer")
                await asyncio.to_thread(time.sleep, 0.05)

    async def _forward(self, request: web.Request, body: bytes) -> web.Response:
        query = request.rel_url.raw_query_string.replace("+", "%20")
        # the client quotes the names of columns; Postrust takes the quotes literally
        query = re.sub(r"(?<=columns=)[^&]*", lambda found: found[0].replace("%22", ""), query)
        rpc = "rpc/" if "/rpc/" in request.path else ""
        url = f"{self._upstream}/{rpc}{request.match_info['table']}?{query}"
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _OWN_HEADERS}
        async with aiohttp.ClientSession() as session:
            from yarl import URL

            where = URL(url, encoded=True)
            async with session.request(request.method, where, headers=headers, data=body) as answer:
                content = await answer.read()
                return web.Response(status=answer.status, body=content, content_type=answer.content_type)

    # -- without Postrust: the SQL that PostgREST would make -----------------------------------------------
    async def _carry_out(self, request: web.Request, body: bytes) -> web.Response:
        try:
            claims = jwt.decode(request.headers["Authorization"].split()[-1], SECRET, algorithms=["HS256"])
        except (jwt.InvalidTokenError, KeyError):
            return _problem(401, "PGRST301", "JWT cannot be verified")
        try:
            return await asyncio.to_thread(self._execute, request, body, str(claims.get("role", "anon")))
        except psycopg.Error as error:
            status = 403 if error.sqlstate == "42501" else 404 if error.sqlstate == "42P01" else 400
            return _problem(status, error.sqlstate or "", error.diag.message_primary or "")

    def _execute(self, request: web.Request, body: bytes, role: str) -> web.Response:
        table = sql.Identifier("public", request.match_info["table"])
        # as PostgREST: "+" is a space here, and the client means it so
        query = parse_qsl(request.rel_url.raw_query_string)
        with psycopg.connect(self.postgres_url) as database:
            database.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
            if "/rpc/" in request.path:
                return web.Response(text=_called(database, table, body), content_type="application/json")
            if request.method == "POST":
                statement, values = _insert(table, dict(query), request.headers.get("Prefer", ""))
                database.execute(statement, [body.decode(), *values])
                return web.Response(status=201)
            where, values = _filters(query)
            if request.method == "DELETE":
                database.execute(sql.SQL("delete from {} {}").format(table, where), values)
                return web.Response(status=204)
            chosen = sql.SQL("select {} from {} {} {}").format(
                _columns(dict(query).get("select", "*")), table, where, _order(dict(query))
            )
            whole = sql.SQL("select coalesce(json_agg(x), '[]')::text from ({}) x").format(chosen)
            found = database.execute(whole, values).fetchone()
            assert found is not None
            return web.Response(text=found[0], content_type="application/json")


_OWN_HEADERS = {"host", "content-length", "transfer-encoding", "connection", "accept-encoding"}


def _called(database: "psycopg.Connection[tuple[str]]", function: sql.Identifier, body: bytes) -> str:
    """The rows of a function as PostgREST answers them, its arguments by name."""
    given = json.loads(body)
    named = [
        sql.SQL("{} => {}").format(sql.Identifier(name), sql.Literal(value)) for name, value in given.items()
    ]
    call = sql.SQL("select coalesce(json_agg(x), '[]')::text from {}({}) x").format(
        function, sql.SQL(", ").join(named)
    )
    found = database.execute(call).fetchone()
    assert found is not None
    return found[0]


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _problem(status: int, code: str, message: str) -> web.Response:
    body = {"code": code, "message": message, "details": None, "hint": None}
    return web.json_response(body, status=status)


def _columns(names: str) -> sql.Composable:
    return sql.SQL("*") if names == "*" else sql.SQL(", ").join(map(sql.Identifier, names.split(",")))


def _insert(table: sql.Identifier, query: dict[str, str], prefer: str) -> tuple[sql.Composed, list[object]]:
    names = [name.strip('"') for name in query["columns"].split(",")]
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    conflict = query["on_conflict"].split(",")
    if "ignore-duplicates" in prefer:
        action: sql.Composable = sql.SQL("do nothing")
    else:
        others = [sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in names]
        action = sql.SQL("do update set {}").format(sql.SQL(", ").join(others))
    statement = sql.SQL(
        "insert into {table} ({columns}) select {columns} from json_populate_recordset(null::{table}, %s::json)"
        " on conflict ({conflict}) {action}"
    ).format(
        table=table,
        columns=columns,
        conflict=sql.SQL(", ").join(map(sql.Identifier, conflict)),
        action=action,
    )
    return statement, []


def _filters(query: list[tuple[str, str]]) -> tuple[sql.Composable, list[object]]:
    parts: list[sql.Composable] = []
    values: list[object] = []
    for name, value in query:
        if name in ("select", "order", "limit", "offset", "columns", "on_conflict"):
            continue
        operator, _, operand = value.partition(".")
        column = sql.Identifier(name)
        if operator == "in":
            items = json.loads("[" + ",".join(_quoted(one) for one in operand.strip("()").split(",")) + "]")
            parts.append(sql.SQL("{}::text = any(%s)").format(column))
            values.append(items)
        else:
            parts.append(sql.SQL("{} " + _OPERATORS[operator] + " {}").format(column, sql.Literal(operand)))
    if not parts:
        return sql.SQL(""), []
    return sql.SQL("where {}").format(sql.SQL(" and ").join(parts)), values


def _quoted(item: str) -> str:
    return item if item.startswith('"') else json.dumps(item)


def _order(query: dict[str, str]) -> sql.Composable:
    parts: list[sql.Composable] = []
    if "order" in query:
        terms = []
        for term in query["order"].split(","):
            name, *way = term.split(".")
            terms.append(
                sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL("desc" if "desc" in way else "asc"))
            )
        parts.append(sql.SQL("order by {}").format(sql.SQL(", ").join(terms)))
    if "limit" in query:
        parts.append(sql.SQL("limit {}").format(sql.Literal(int(query["limit"]))))
    return sql.SQL(" ").join(parts)
