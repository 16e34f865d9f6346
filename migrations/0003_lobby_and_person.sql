-- Who waits in a room's lobby until a moderator lets them in, and who was invited to it by name. A person has a PIN of
-- their own, derived like the room's from an epoch; it opens the room between two times, if they are given.

alter table room add column lobby text not null default 'off'
    constraint room_lobby_check check (lobby in ('off', 'guests', 'all'));

create table person (
    id text not null,
    room_id text not null,
    name text not null,
    role text not null,
    pin_epoch integer not null,
    opens_at integer,
    closes_at integer,
    created_at integer not null,
    updated_at integer not null,
    constraint person_pkey primary key (id),
    constraint person_room_fkey foreign key (room_id) references room (id) on delete cascade,
    constraint person_name_key unique (room_id, name),
    constraint person_role_check check (role in ('guest', 'moderator'))
);
