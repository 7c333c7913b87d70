"""The replica's schema on a real Postgres: from empty, from every earlier state, twice, and closed to anon."""

from pathlib import Path

import psycopg
import pytest

from errors import Unavailable
from memory.schema import apply, migrations, script
from tests.contract.postgres_server import PostgresServer

HOMES = ("utterances", "decisions", "spoken_replies", "events", "votes", "fact_checks", "summaries")
TABLES = ("sage_migrations", "debates", "journals", "participants", "personas_used", "forgotten", *HOMES)
DEBATE = "0198c1f2-0000-7000-8000-000000000001"
RECORD = "0198c1f2-0000-7000-8000-000000000002"
ALL = migrations()


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.url(postgres.database())


def shape(url: str) -> set[tuple[str, ...]]:
    """Every column, index and constraint of the schema, to compare two ways that lead to it."""
    columns = (
        "select table_name, column_name, data_type, is_nullable, coalesce(generation_expression, '')"
        " from information_schema.columns where table_schema = 'public'"
    )
    with psycopg.connect(url) as database:
        found = set(database.execute(columns))
        found |= set(
            database.execute("select indexname, indexdef from pg_indexes where schemaname = 'public'")
        )
        found |= set(database.execute("select conname, pg_get_constraintdef(oid) from pg_constraint"))
    return found


def test_an_empty_database_gets_all_and_a_second_run_nothing(url: str) -> None:
    assert apply(url) == tuple(one.name for one in ALL)
    before = shape(url)
    assert apply(url) == ()
    with psycopg.connect(url) as database:
        recorded = list(database.execute("select number, name from sage_migrations order by number"))
        there = {
            row[0] for row in database.execute("select tablename from pg_tables where schemaname = 'public'")
        }
    assert recorded == [(one.number, one.name) for one in ALL]
    assert there >= set(TABLES)
    assert shape(url) == before


@pytest.mark.parametrize("known", range(1, len(ALL)))
def test_every_earlier_state_arrives_at_the_same_schema(
    postgres: PostgresServer, url: str, known: int
) -> None:
    apply(url, ALL[:known])
    if known >= 2:
        with psycopg.connect(url) as database:
            a_row(database)
    assert apply(url) == tuple(one.name for one in ALL[known:])
    fresh = postgres.url(postgres.database())
    apply(fresh)
    assert shape(url) == shape(fresh)
    if known >= 2:
        with psycopg.connect(url) as database:
            assert database.execute("select text from utterances").fetchall() == [("Taxes are low",)]


def test_pasted_twice_as_one_text_it_is_the_same_schema(postgres: PostgresServer, url: str) -> None:
    with psycopg.connect(url, autocommit=True) as database:
        for _ in range(2):
            database.execute(script(ALL).encode())
    fresh = postgres.url(postgres.database())
    apply(fresh)
    assert shape(url) == shape(fresh)


def test_no_extension_is_asked_for() -> None:
    assert "create extension" not in script(ALL).lower()


def test_anon_and_signed_in_people_may_do_nothing(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as database:
        # as Supabase does before anybody makes a table
        database.execute(
            "alter default privileges in schema public grant all on tables to anon, authenticated"
        )
        apply(url)
        a_row(database)
        open_tables = database.execute(
            "select relname from pg_class join pg_namespace n on n.oid = relnamespace"
            " where nspname = 'public' and relkind = 'r' and not relrowsecurity"
        ).fetchall()
        assert open_tables == []
        assert database.execute("select count(*) from pg_policies").fetchone() == (0,)
        for role in ("anon", "authenticated"):
            database.execute(f"set role {role}".encode())
            for table in (*TABLES, "records"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    database.execute(f"select * from {table}".encode())
            database.execute("reset role")
        database.execute("set role service_role")
        assert database.execute("select count(*) from utterances").fetchone() == (1,)


def test_a_deleted_debate_takes_all_that_is_its_own_along(url: str) -> None:
    apply(url)
    with psycopg.connect(url) as database:
        a_row(database)
        database.execute("delete from debates")
        for table in (*HOMES, "journals", "participants", "personas_used"):
            count = database.execute(f"select count(*) from {table}".encode()).fetchone()
            assert count == (0,), table


def test_rows_of_a_batch_that_is_not_whole_are_not_shown(url: str) -> None:
    apply(url)
    with psycopg.connect(url) as database:
        a_row(database)
        assert database.execute("select seq from records").fetchall() == []
        database.execute("insert into journals values (%s, %s, 1)", (RECORD, DEBATE))
        assert database.execute("select seq, data ->> 'text' from records").fetchall() == [
            (1, "Taxes are low")
        ]


QUERIES = {
    "a debate's records": "select * from records where debate_id = %s",
    "a person's utterances": "select * from utterances where identity = 'p7'",
    "a room's debates": "select * from debates where room = 'room-3' order by debate_id desc limit 5",
    "old debates": "select debate_id from debates where created_at < 50",
}


def test_every_query_that_we_make_is_served_by_an_index(url: str) -> None:
    apply(url)
    with psycopg.connect(url) as database:
        database.execute(
            "insert into debates select lpad(n::text, 32, '0')::uuid, 'room-' || n % 100, 't', 'p', 'f', n"
            " from generate_series(1, 2000) n"
        )
        database.execute(
            "insert into utterances (id, debate_id, journal, seq, kind, at, data)"
            " select gen_random_uuid(), lpad((1 + n % 2000)::text, 32, '0')::uuid, gen_random_uuid(), n, 'event', n,"
            " jsonb_build_object('identity', 'p' || n % 500, 'text', 'word ' || n) from generate_series(1, 30000) n"
        )
        database.execute("analyze")
        for what, query in QUERIES.items():
            values = (DEBATE,) if "%s" in query else None
            lines = database.execute(f"explain {query}".encode(), values).fetchall()
            plan = "\n".join(line[0] for line in lines)
            for table in ("utterances", "debates"):
                assert f"Seq Scan on {table}" not in plan, f"{what}:\n{plan}"


def test_a_database_that_is_away_is_named_without_its_password() -> None:
    with pytest.raises(Unavailable) as refused:
        apply("postgresql://sage:pass-word-1@127.0.0.1:1/none")
    assert "pass-word-1" not in f"{refused.value} {refused.value.hint}"


@pytest.mark.parametrize("names", [["0001_a.sql", "0003_b.sql"], ["0001_a.sql", "0001_b.sql"], ["first.sql"]])
def test_a_broken_sequence_of_files_is_refused(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).write_text("select 1;")
    with pytest.raises(ValueError, match=r"NNNN|numbered"):
        migrations(tmp_path)


def a_row(database: "psycopg.Connection[tuple[object, ...]]") -> None:
    database.execute("insert into debates values (%s, 'hall', 't', 'p', 'f', 1.5)", (DEBATE,))
    database.execute(
        "insert into utterances (id, debate_id, journal, seq, kind, at, data) values (%s, %s, %s, 1, 'event', 1, %s)",
        (RECORD, DEBATE, RECORD, '{"identity": "ana", "text": "Taxes are low"}'),
    )
