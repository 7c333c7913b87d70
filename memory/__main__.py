"""`python -m memory migrate | status | list | sync | export | forget`: what people do with what is kept.

Composition and printing only; exit code 1 where something could not be done.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import sqlite3
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import logs
from errors import InvalidInput, SageError
from memory.bookmarks import Bookmarks
from memory.erasing import Erasing
from memory.ids import is_uuid
from memory.journal_file import NewerSchemaError
from memory.listing import kept_debates
from memory.reading import open_reading
from memory.replica import tables_of, why_no_replica
from memory.replicator import Replicator, rows_left
from memory.schema import apply, migrations, script
from memory.supabase_tables import SupabaseTables
from settings import Settings, load_settings

LISTED_MOST = 50


def main(arguments: Sequence[str]) -> int:
    """Run one command; answers the exit code."""
    options = _parser().parse_args(arguments)
    try:
        settings = load_settings()
        if options.command == "migrate":
            return _migrate(settings, printing=options.print)
        run = {"status": _status, "list": _list, "sync": _sync, "export": _export, "forget": _forget}
        return asyncio.run(run[options.command](settings, options))
    except SageError as error:
        print(f"{error}\n{error.hint}".strip(), file=sys.stderr)
    except BrokenPipeError:
        return 1  # whoever read the output has seen enough
    except (sqlite3.Error, OSError, NewerSchemaError) as error:
        remedy = "`doctor` looks at DATA_DIR: python debate_moderator_agent.py doctor"
        print(f"A file under DATA_DIR cannot be used ({error}).\n{remedy}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m memory", description="What is kept of debates.")
    commands = parser.add_subparsers(dest="command", required=True)
    migrate = commands.add_parser("migrate", help="make Supabase's tables (DATABASE_URL), or print the SQL")
    migrate.add_argument("--print", action="store_true", help="print it, also where DATABASE_URL is set")
    commands.add_parser("status", help="what is kept here, and how far Supabase is behind")
    listing = commands.add_parser("list", help="debates by date, room and topic, and who was there")
    listing.add_argument("words", nargs="?", default="", help="of the room, the topic, a name or an identity")
    listing.add_argument("--most", type=int, default=LISTED_MOST, help=f"the last so many ({LISTED_MOST})")
    commands.add_parser("sync", help="send what Supabase lacks, now")
    export = commands.add_parser("export", help="all that is held on a person, as JSON")
    export.add_argument("--person", required=True, metavar="IDENTITY")
    forget = commands.add_parser("forget", help="delete a debate, or a person's words everywhere")
    forget.add_argument("--person", metavar="IDENTITY", help="whose words; with --debate only there")
    forget.add_argument("--debate", metavar="ID", help="the debate; without --person all of it")
    return parser


def _migrate(settings: Settings, *, printing: bool) -> int:
    url = settings.secret("database_url")
    if printing or not url:
        if not printing:
            print("-- DATABASE_URL is not set: paste this into Supabase's SQL editor.")
        print(script(migrations()))
        return 0
    applied = apply(url)
    print("\n".join(f"applied {name}" for name in applied) or "nothing to apply: the schema is up to date")
    return 0


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[tuple[Bookmarks, SupabaseTables | None]]:
    tables = None if why_no_replica(settings) else tables_of(settings)
    try:
        with Bookmarks(Path(settings.data_dir), f"command-{secrets.token_hex(4)}") as bookmarks:
            yield bookmarks, tables
    finally:
        if tables is not None:
            await tables.aclose()


def _sizes(data_dir: Path) -> list[int]:
    return [path.stat().st_size for path in data_dir.glob("*/*.sqlite3")]


async def _status(settings: Settings, _: argparse.Namespace) -> int:
    sizes = _sizes(Path(settings.data_dir))
    print(f"journal   {len(sizes)} debates, {sum(sizes) / 1e6:.1f} MB, in {settings.data_dir}")
    days = settings.memory_retention_days
    print(
        f"retention {f'{days} days' if days else 'none: debates are kept for ever (MEMORY_RETENTION_DAYS)'}"
    )
    async with _opened(settings) as (bookmarks, tables):
        if tables is None:
            print(f"replica   none: {why_no_replica(settings)}")
            return 0
        left, _refused = rows_left(Path(settings.data_dir))
        print(f"replica   {left} rows are still to be sent")
        for record_id, debate_id, seq, code in bookmarks.refused():
            print(
                f"refused   record {record_id} ({seq} of {debate_id}) by {code}: it is in the journal alone"
            )
        await tables.select("journals", lambda query: query.limit(1))
        print("supabase  answers, and has our tables")
    return 0


async def _list(settings: Settings, options: argparse.Namespace) -> int:
    reason = why_no_replica(settings)
    if reason and not _sizes(Path(settings.data_dir)):
        print(f"no debate is kept in {settings.data_dir} (DATA_DIR) yet; {reason}")
        return 0
    reading = open_reading(settings)
    try:
        found = await kept_debates(reading, options.words, options.most)
    finally:
        await reading.aclose()
    print("\n".join(map(str, found)) or "no such debate is kept")
    return 0


async def _sync(settings: Settings, _: argparse.Namespace) -> int:
    reason = why_no_replica(settings)
    if reason:
        raise InvalidInput(f"Nothing can be sent: {reason}.")
    async with _opened(settings) as (bookmarks, tables):
        assert tables is not None
        replicator = Replicator(Path(settings.data_dir), tables, bookmarks)
        sent = await replicator.send_changed()
        left, _refused = rows_left(Path(settings.data_dir))
    print(f"sent {sent} rows, {left} left{' (a worker is sending them)' if left else ''}")
    return 0


async def _export(settings: Settings, options: argparse.Namespace) -> int:
    async with _opened(settings) as (bookmarks, tables):
        held = await Erasing(Path(settings.data_dir), bookmarks, tables).export(options.person)
    if tables is None and settings.supabase_url:
        print(f"Supabase was not asked: {why_no_replica(settings)}", file=sys.stderr)
    unread = held.pop("unread")
    print(json.dumps(held, ensure_ascii=True, indent=2))
    _tell_unread(unread)
    return 1 if unread else 0


def _tell_unread(unread: Mapping[str, str]) -> None:
    for name, problem in unread.items():
        print(f"{name} cannot be read ({problem}): what is in it stays as it is", file=sys.stderr)
    if unread:
        print("`python -m memory forget --debate ID` deletes one whole; its name is the ID", file=sys.stderr)


async def _forget(settings: Settings, options: argparse.Namespace) -> int:
    if not options.person and not options.debate:
        raise InvalidInput(
            "Name a debate, a person or both.",
            hint="forget --person IDENTITY [--debate ID]; `python -m memory list` shows both.",
        )
    if options.debate and not is_uuid(options.debate):
        raise InvalidInput("This is no debate's id.", hint="`python -m memory list` shows the ids.")
    if settings.supabase_url and (reason := why_no_replica(settings)):
        # half forgotten is worse than refused: the words would still be there
        raise InvalidInput(f"Supabase cannot be written: {reason}.")
    async with _opened(settings) as (bookmarks, tables):
        erasing = Erasing(Path(settings.data_dir), bookmarks, tables)
        if options.person:
            done = await erasing.forget_person(options.person, options.debate)
        else:
            done = await erasing.forget_debate(options.debate)
    for debate_id in done.deleted:
        print(f"deleted {debate_id}")
    for where, counts in (("the journal", done.in_journals), ("Supabase", done.in_supabase)):
        for debate_id, count in counts.items():
            print(f"{count} records of {debate_id} have no words any more in {where}")
    if not (done.deleted or done.in_journals or done.in_supabase or done.unread):
        print("nothing of it is kept here or in Supabase")
    _tell_unread(done.unread)
    return 1 if done.unread else 0


if __name__ == "__main__":
    with suppress(SageError):  # which the command itself will tell
        logs.configure(load_settings(), "memory", stream=sys.stderr, conversing=True)
    sys.exit(main(sys.argv[1:]))
