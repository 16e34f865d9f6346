-- A call is noted when it is made, not only when it ends: a crash must neither lose what it has cost nor forget how many
-- were made in the last hour. Until it ends, `ended_at` is when it was last known to go on; a call that nobody answered has no
-- minutes. Of calls noted before that it is not known when they began.

alter table dial add column began_at integer;
