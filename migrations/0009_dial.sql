-- Calls that were made out of conferences, as evidence against toll fraud: to which country, for how long, and who answers
-- for it: the room whose moderator called. No number stands here, and every row is deleted after seven days.

create table dial (
    id text not null,
    tenant_id text not null,
    room_id text not null,
    country text not null,
    minutes integer not null,
    ended_at integer not null,
    constraint dial_pkey primary key (id)
);

create index dial_ended_at_idx on dial (ended_at);
