-- Search over what was said: the index, and the two questions that recall asks.
-- Safe to run twice; pastes into Supabase's SQL editor as it is.
begin;

create index if not exists utterances_said
    on public.utterances using gin (to_tsvector('pg_catalog.english'::regconfig, text));
create index if not exists debates_topic
    on public.debates using gin (to_tsvector('pg_catalog.english'::regconfig, topic));

-- Who has spoken in a room, under which names.
create or replace function public.sage_speakers(room_asked text)
returns table (identity text, name text)
language sql stable set search_path = '' as $$
    select distinct took_part.identity, took_part.name
    from public.participants as took_part
    join public.debates as debate using (debate_id)
    where debate.room = room_asked
    order by 1, 2
$$;

-- Candidates for a question, unordered for the asker's own ranking: what holds any of the words, and what was said in
-- debates whose topic holds one; without words the newest. `words` stand apart by a space, `identities` is a JSON list
-- (lists as texts, as every dialect of PostgREST takes them); what is left out, '' or '[]' filters nothing.
create or replace function public.sage_search(
    room_asked text, words text, identities text, debate_asked uuid default null,
    excluding uuid default null, since double precision default null, until double precision default null,
    most integer default 200
)
returns table (
    id uuid, debate_id uuid, topic text, identity text, name text, text text, at double precision
)
language sql stable set search_path = '' as $$
    with asked as (
        -- each word is text to be read, never part of a query's syntax
        select string_agg(one.query::text, ' | ')::tsquery as query
        from (select pg_catalog.plainto_tsquery('pg_catalog.english'::regconfig, word) as query from regexp_split_to_table(words, ' ') as word) as one
        where numnode(one.query) > 0
    ),
    said as (
        select u.id, u.debate_id, d.topic, u.identity, u.name, u.text, u.at
        from public.utterances as u
        join public.debates as d on d.debate_id = u.debate_id
        join public.journals as sent
            on sent.journal = u.journal and sent.debate_id = u.debate_id and u.seq <= sent.sent_seq
        where d.room = room_asked and u.text <> '' and not u.forgotten
            and (coalesce(identities, '[]') = '[]' or identities::jsonb ? u.identity)
            and (debate_asked is null or u.debate_id = debate_asked)
            and (excluding is null or u.debate_id <> excluding)
            and (since is null or u.at >= since)
            and (until is null or u.at < until)
    ),
    holding as (
        select said.* from said, asked
        where to_tsvector('pg_catalog.english'::regconfig, said.text) @@ asked.query
        order by ts_rank(to_tsvector('pg_catalog.english'::regconfig, said.text), asked.query) desc, said.at desc
        limit most
    ),
    about as (
        select said.* from said, asked
        where to_tsvector('pg_catalog.english'::regconfig, said.topic) @@ asked.query
        order by said.at desc
        limit most
    ),
    newest as (
        select said.* from said
        where coalesce(words, '') = ''
        order by said.at desc
        limit most
    )
    select * from holding union select * from about union select * from newest
$$;

do $$
declare part text;
begin
    foreach part in array array[
        'sage_speakers(text)',
        'sage_search(text, text, text, uuid, uuid, double precision, double precision, integer)'
    ]
    loop
        execute format('revoke all on function public.%s from public', part);
        if exists (select from pg_roles where rolname = 'anon') then
            execute format('revoke all on function public.%s from anon', part);
        end if;
        if exists (select from pg_roles where rolname = 'authenticated') then
            execute format('revoke all on function public.%s from authenticated', part);
        end if;
        if exists (select from pg_roles where rolname = 'service_role') then
            execute format('grant execute on function public.%s to service_role', part);
        end if;
    end loop;
end $$;

insert into public.sage_migrations (number, name) values (5, '0005_search') on conflict do nothing;
notify pgrst, 'reload schema';
commit;
