-- A debate's records in one order, whichever table they live in: what the store protocol reads.
-- Safe to run twice; pastes into Supabase's SQL editor as it is.
begin;

-- Rows of several machines' journals follow each other as the journals began. Batches that are on their way are not
-- shown before they are whole. security_invoker: whoever may not read the tables sees nothing here either.
create or replace view public.records with (security_invoker = true) as
select
    every.id, every.debate_id, every.kind, every.at, every.data,
    row_number() over (partition by every.debate_id order by every.journal, every.seq) as seq
from (
    select id, debate_id, journal, seq, kind, at, data from public.utterances
    union all select id, debate_id, journal, seq, kind, at, data from public.decisions
    union all select id, debate_id, journal, seq, kind, at, data from public.spoken_replies
    union all select id, debate_id, journal, seq, kind, at, data from public.events
    union all select id, debate_id, journal, seq, kind, at, data from public.votes
    union all select id, debate_id, journal, seq, kind, at, data from public.fact_checks
    union all select id, debate_id, journal, seq, kind, at, data from public.summaries
) as every
join public.journals as sent
    on sent.journal = every.journal and sent.debate_id = every.debate_id and every.seq <= sent.sent_seq;

-- A process that was taken for dead may come back with an older number: what is shown is never hidden again.
create or replace function public.sage_sent_seq_only_grows() returns trigger
language plpgsql set search_path = '' as $$
begin
    new.sent_seq := greatest(old.sent_seq, new.sent_seq);
    return new;
end $$;
drop trigger if exists only_grows on public.journals;
create trigger only_grows before update on public.journals
    for each row execute function public.sage_sent_seq_only_grows();

select public.sage_close(array['records']);

insert into public.sage_migrations (number, name) values (4, '0004_journal_view') on conflict do nothing;
notify pgrst, 'reload schema';
commit;
