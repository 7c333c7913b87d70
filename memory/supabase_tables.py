"""The real Supabase client, as much as memory needs of it: idempotent upserts, selects, deletes, and one set of errors.

Owns time-outs and what each answer means: away (try again), refuses us (keys or schema), refuses these rows. Knows
nothing of journals. One object belongs to one event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from errors import Unavailable
from memory.projection import ON_CONFLICT, Row

if TYPE_CHECKING:
    from postgrest import AsyncSelectRequestBuilder
    from supabase import AsyncClient

TIMEOUT_SECONDS = 5.0
PAGE_ROWS = 1000
"""What Supabase answers at most, unless a project says otherwise."""

LAST_PAGE_ROWS = 100
"""A shorter page is the last one. A project may limit its answers to fewer rows than were asked for (db-max-rows)."""


def is_last(page: Sequence[Row], asked_for: int = PAGE_ROWS) -> bool:
    """Whether there is nothing behind `page`, of at most `asked_for` rows."""
    return len(page) < min(asked_for, LAST_PAGE_ROWS)


_T = TypeVar("_T")
_NOT_OURS = {"42501", "PGRST301", "PGRST302", "PGRST303", "401", "403"}
_NO_SCHEMA = {"42P01", "42883", "42703", "42P10", "PGRST200", "PGRST202", "PGRST204", "PGRST205", "404"}
_BAD_ROWS = {"PGRST102", "413", "400"}


class RowsRefusedError(Exception):
    """The database will never take these rows; `code` is its SQLSTATE or PostgREST's code."""

    def __init__(self, code: str) -> None:
        super().__init__(f"rows are refused with {code}")
        self.code = code


class DebateMissingError(Exception):
    """Rows of a debate that the database does not have (any more)."""


class SupabaseTables:
    """Tables of one project, with the service role key."""

    def __init__(self, url: str, key: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._url = url.rstrip("/")
        self._key = key
        self._timeout = timeout_seconds
        self._http: httpx.AsyncClient | None = None
        self._client: AsyncClient | None = None
        self._opening = asyncio.Lock()

    async def upsert(self, table: str, rows: Sequence[Row], *, replace: bool = False) -> None:
        """Insert `rows`, all or none; those that are there already stay as they are, or are replaced.

        Raises Unavailable (also where keys or schema are wrong, with the remedy), RowsRefusedError,
        DebateMissingError.
        """
        client = await self._connected()
        request = client.table(table).upsert(
            list(rows),
            on_conflict=ON_CONFLICT[table],
            ignore_duplicates=not replace,
            returning=_minimal(),
        )
        await self._asked(request.execute)

    async def select(
        self, table: str, build: Callable[[AsyncSelectRequestBuilder], Any], columns: str = "*"
    ) -> list[Row]:
        """At most PAGE_ROWS rows; `build` adds filters, order and limit. Raises Unavailable."""
        client = await self._connected()
        request = build(client.table(table).select(columns)).retry(False)
        answer = await self._asked(request.execute)
        return list(answer.data)

    async def delete(self, table: str, build: Callable[[Any], Any]) -> None:
        """Delete the rows that `build` filters. Raises Unavailable."""
        client = await self._connected()
        await self._asked(build(client.table(table).delete(returning=_minimal())).execute)

    async def call(self, function: str, arguments: Row) -> list[Row]:
        """The rows that a function of the project answers. Raises Unavailable."""
        client = await self._connected()
        answer = await self._asked(client.rpc(function, arguments).execute)
        data = answer.data
        return [row for row in data if isinstance(row, dict)] if isinstance(data, list) else []

    async def aclose(self) -> None:
        """Let go of the connections. May be called again."""
        http, self._http, self._client = self._http, None, None
        if http is not None:
            await http.aclose()

    async def _connected(self) -> AsyncClient:
        async with self._opening:
            if self._client is None:
                # seconds of imports, beside the loop, and only where Supabase is configured at all
                await asyncio.to_thread(import_module, "supabase")
                from supabase import AsyncClientOptions, acreate_client

                self._http = httpx.AsyncClient(timeout=httpx.Timeout(self._timeout))
                options = AsyncClientOptions(
                    httpx_client=self._http, auto_refresh_token=False, persist_session=False
                )
                try:
                    self._client = await acreate_client(self._url, self._key, options)
                except Exception as error:  # noqa: BLE001 - the client's checks of URL and key have no common type
                    await self.aclose()
                    raise Unavailable(
                        f"The Supabase client refuses its settings ({type(error).__name__}).",
                        code="replica-refuses",
                        hint="Correct SUPABASE_URL and SUPABASE_SERVICE_ROLE_KEY.",
                    ) from None
            return self._client

    async def _asked(self, execute: Callable[[], Awaitable[_T]]) -> _T:
        from postgrest import APIError

        try:
            return await execute()
        except APIError as error:
            raise _meaning(str(error.code or "")) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise Unavailable(
                f"Supabase does not answer ({type(error).__name__}).",
                code="replica-away",
                hint="Nothing is lost: the journal keeps what is still to be sent.",
            ) from None


def _minimal() -> Any:
    from postgrest.types import ReturnMethod

    return ReturnMethod.minimal


def _meaning(code: str) -> Exception:
    """What an answer with `code` means. Its text is left out: it quotes rows, and rows quote people."""
    if code in _NOT_OURS:
        return Unavailable(
            f"Supabase refuses our key ({code}).",
            code="replica-refuses",
            hint="Set SUPABASE_SERVICE_ROLE_KEY as the project has it.",
        )
    if code in _NO_SCHEMA:
        return Unavailable(
            f"Supabase lacks our tables ({code}).",
            code="replica-refuses",
            hint="Make them: python -m memory migrate",
        )
    if code == "23503":
        return DebateMissingError()
    if (len(code) == 5 and code[:2] in ("22", "23", "54")) or code in _BAD_ROWS:
        return RowsRefusedError(code)
    return Unavailable(
        f"Supabase answers {code or 'nothing that can be read'}.",
        code="replica-away",
        hint="Nothing is lost: the journal keeps what is still to be sent.",
    )
