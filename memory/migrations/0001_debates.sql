-- Debates, who took part, who moderated, and what the replica and forgetting need to remember of themselves.
-- Safe to run twice; pastes into Supabase's SQL editor as it is.
begin;

create table if not exists public.sage_migrations (
    number integer primary key,
    name text not null,
    applied_at timestamptz not null default now()
);

create table if not exists public.debates (
    debate_id uuid primary key,
    room text not null,
    topic text not null,
    persona text not null,
    format text not null,
    -- epoch seconds exactly as the journal has them; created is the same for people
    created_at double precision not null,
    created timestamptz generated always as (to_timestamp(created_at)) stored
);
-- the debates of a room, the newest first (ids are UUIDv7: in time order); and what retention looks for
create index if not exists debates_of_room on public.debates (room, debate_id desc);
create index if not exists debates_by_age on public.debates (created_at);

-- One row for each journal file that is sent here: rows behind sent_seq are not complete yet and are not shown.
create table if not exists public.journals (
    journal uuid primary key,
    debate_id uuid not null references public.debates (debate_id) on delete cascade,
    sent_seq bigint not null default 0
);
create index if not exists journals_of_debate on public.journals (debate_id);

create table if not exists public.participants (
    debate_id uuid not null references public.debates (debate_id) on delete cascade,
    identity text not null,
    name text not null,
    role text not null,
    -- epoch seconds of the last time that this person came
    joined_at double precision not null,
    primary key (debate_id, identity)
);
create index if not exists participants_by_identity on public.participants (identity);

create table if not exists public.personas_used (
    debate_id uuid not null references public.debates (debate_id) on delete cascade,
    persona text not null,
    -- epoch seconds of the first time; asked_by is the identity of who wished it, '' for who opened the debate
    since double precision not null,
    asked_by text not null default '',
    primary key (debate_id, persona)
);

-- What was forgotten: another machine's journal must not bring it back. identity '' is the whole debate.
create table if not exists public.forgotten (
    debate_id uuid not null,
    identity text not null default '',
    -- epoch seconds: words said later are not meant
    forgotten_at double precision not null,
    primary key (debate_id, identity)
);

alter table public.sage_migrations enable row level security;
alter table public.debates enable row level security;
alter table public.journals enable row level security;
alter table public.participants enable row level security;
alter table public.personas_used enable row level security;
alter table public.forgotten enable row level security;

-- Supabase grants new tables to anon and authenticated: row level security without a policy already shows them
-- nothing, and without the rights they are told so.
create or replace function public.sage_close(parts text[]) returns void
language plpgsql set search_path = '' as $$
declare part text;
begin
    foreach part in array parts
    loop
        if exists (select from pg_catalog.pg_roles where rolname = 'anon') then
            execute format('revoke all on public.%I from anon', part);
        end if;
        if exists (select from pg_catalog.pg_roles where rolname = 'authenticated') then
            execute format('revoke all on public.%I from authenticated', part);
        end if;
        if exists (select from pg_catalog.pg_roles where rolname = 'service_role') then
            execute format('grant select, insert, update, delete on public.%I to service_role', part);
        end if;
    end loop;
end $$;
revoke all on function public.sage_close(text[]) from public;
select public.sage_close(array['sage_migrations', 'debates', 'journals', 'participants', 'personas_used', 'forgotten']);

insert into public.sage_migrations (number, name) values (1, '0001_debates') on conflict do nothing;
notify pgrst, 'reload schema';
commit;
