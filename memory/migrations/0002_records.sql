-- What was said, decided and done: each record of a journal lives in exactly one table of this file and the next.
-- Safe to run twice; pastes into Supabase's SQL editor as it is.
begin;

-- Final words of people, by voice or typed (the conversation).
create table if not exists public.utterances (
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
    name text not null default '',
    identity text generated always as (coalesce(data ->> 'identity', '')) stored,
    text text generated always as (
        regexp_replace(coalesce(data ->> 'text', ''), U&'\FDD0[0-9a-f]{4}', U&'\FFFD', 'g')
    ) stored,
    forgotten boolean generated always as (coalesce((data ->> 'forgotten') = 'true', false)) stored
);
create index if not exists utterances_in_order on public.utterances (debate_id, journal, seq);
create index if not exists utterances_by_speaker on public.utterances (identity, debate_id);
alter table public.utterances enable row level security;

-- What the moderator decided and why (moderation actions).
create table if not exists public.decisions (
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
    decision text generated always as (coalesce(data ->> 'kind', '')) stored,
    signal text generated always as (coalesce(data ->> 'signal', '')) stored,
    reason text generated always as (
        regexp_replace(coalesce(data ->> 'reason', ''), U&'\FDD0[0-9a-f]{4}', U&'\FFFD', 'g')
    ) stored,
    addressed_to text generated always as (coalesce(data ->> 'addressed_to', '')) stored,
    text text generated always as (
        regexp_replace(coalesce(data ->> 'text', ''), U&'\FDD0[0-9a-f]{4}', U&'\FFFD', 'g')
    ) stored
);
create index if not exists decisions_in_order on public.decisions (debate_id, journal, seq);
create index if not exists decisions_by_person on public.decisions (addressed_to, debate_id);
alter table public.decisions enable row level security;

-- What the moderator said, with its latencies.
create table if not exists public.spoken_replies (
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
    text text generated always as (
        regexp_replace(coalesce(data ->> 'text', ''), U&'\FDD0[0-9a-f]{4}', U&'\FFFD', 'g')
    ) stored,
    signal text generated always as (coalesce(data ->> 'signal', '')) stored,
    addressed_to text generated always as (coalesce(data ->> 'addressed_to', '')) stored
);
create index if not exists spoken_replies_in_order on public.spoken_replies (debate_id, journal, seq);
alter table public.spoken_replies enable row level security;

-- All other events, utterances so far and remarks.
create table if not exists public.events (
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
    type text generated always as (coalesce(data ->> 'type', '')) stored,
    identity text generated always as (coalesce(data ->> 'identity', data ->> 'by', '')) stored
);
create index if not exists events_in_order on public.events (debate_id, journal, seq);
create index if not exists events_by_person on public.events (identity, debate_id);
alter table public.events enable row level security;

select public.sage_close(array['utterances', 'decisions', 'spoken_replies', 'events']);

insert into public.sage_migrations (number, name) values (2, '0002_records') on conflict do nothing;
notify pgrst, 'reload schema';
commit;
