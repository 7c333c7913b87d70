-- What a debate comes to: votes and ballots, fact checks, summaries.
-- Safe to run twice; pastes into Supabase's SQL editor as it is.
begin;

-- Votes of the audience and ballots of judges.
create table if not exists public.votes (
    id uuid primary key,
    debate_id uuid not null references public.debates (debate_id) on delete cascade,
    -- the journal file (by the id of its first record) and the place in it: the order of writing
    journal uuid not null,
    seq bigint not null check (seq > 0),
    kind text not null,
    -- epoch seconds as the journal has them; at_time is the same for people
    at double precision not null,
    at_time timestamptz generated always as (to_timestamp(at)) stored,
    -- the record as it was written; NUL and halves of surrogate pairs, which Postgres refuses, stand as U+FDD0 and
    -- four hexadecimal digits
    data jsonb not null,
    identity text generated always as (coalesce(data ->> 'by', '')) stored,
    command text generated always as (coalesce(data ->> 'name', '')) stored,
    args jsonb generated always as (data -> 'args') stored
);
create index if not exists votes_in_order on public.votes (debate_id, journal, seq);
create index if not exists votes_by_person on public.votes (identity, debate_id);
alter table public.votes enable row level security;

-- What a search made of a claim.
create table if not exists public.fact_checks (
    id uuid primary key,
    debate_id uuid not null references public.debates (debate_id) on delete cascade,
    -- the journal file (by the id of its first record) and the place in it: the order of writing
    journal uuid not null,
    seq bigint not null check (seq > 0),
    kind text not null,
    -- epoch seconds as the journal has them; at_time is the same for people
    at double precision not null,
    at_time timestamptz generated always as (to_timestamp(at)) stored,
    -- the record as it was written; NUL and halves of surrogate pairs, which Postgres refuses, stand as U+FDD0 and
    -- four hexadecimal digits
    data jsonb not null,
    check_number text generated always as (coalesce(data ->> 'check', '')) stored,
    verdict text generated always as (coalesce(data ->> 'verdict', '')) stored,
    sentence text generated always as (
        regexp_replace(coalesce(data ->> 'sentence', ''), U&'\FDD0[0-9a-f]{4}', U&'\FFFD', 'g')
    ) stored,
    sources jsonb generated always as (data -> 'sources') stored,
    trouble text generated always as (coalesce(data ->> 'trouble', '')) stored
);
create index if not exists fact_checks_in_order on public.fact_checks (debate_id, journal, seq);
alter table public.fact_checks enable row level security;

-- Summaries of segments and debates; each claim names its utterances.
create table if not exists public.summaries (
    id uuid primary key,
    debate_id uuid not null references public.debates (debate_id) on delete cascade,
    -- the journal file (by the id of its first record) and the place in it: the order of writing
    journal uuid not null,
    seq bigint not null check (seq > 0),
    kind text not null,
    -- epoch seconds as the journal has them; at_time is the same for people
    at double precision not null,
    at_time timestamptz generated always as (to_timestamp(at)) stored,
    -- the record as it was written; NUL and halves of surrogate pairs, which Postgres refuses, stand as U+FDD0 and
    -- four hexadecimal digits
    data jsonb not null,
    scope text generated always as (coalesce(data ->> 'scope', '')) stored,
    segment text generated always as (coalesce(data ->> 'segment', '')) stored,
    made_by text generated always as (coalesce(data ->> 'by', '')) stored,
    claims jsonb generated always as (data -> 'claims') stored
);
create index if not exists summaries_in_order on public.summaries (debate_id, journal, seq);
alter table public.summaries enable row level security;

select public.sage_close(array['votes', 'fact_checks', 'summaries']);

insert into public.sage_migrations (number, name) values (3, '0003_results') on conflict do nothing;
notify pgrst, 'reload schema';
commit;
