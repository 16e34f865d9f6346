-- Rooms: what is booked and stored. A room carries no PIN and no link: both are derived from a key outside this
-- database, and an epoch here makes new ones. Of a link only the hash stands here, to find its room.

create table room (
    id text not null,
    tenant_id text not null,
    number text not null,
    title text not null,
    language text not null,
    guest_pin_epoch integer not null,
    moderator_pin_epoch integer not null,
    guest_link_epoch integer not null,
    moderator_link_epoch integer not null,
    guest_link_hash text not null,
    moderator_link_hash text not null,
    demo integer not null,
    created_at integer not null,
    updated_at integer not null,
    constraint room_pkey primary key (id),
    constraint room_number_key unique (tenant_id, number),
    constraint room_guest_link_key unique (guest_link_hash),
    constraint room_moderator_link_key unique (moderator_link_hash),
    constraint room_number_check check (
        (length(number) = 4 and substr(number, 1, 1) between '1' and '7')
        or (length(number) = 5 and substr(number, 1, 1) = '8')
        or (length(number) = 6 and substr(number, 1, 1) = '9')
    ),
    constraint room_language_check check (language in ('de', 'en')),
    constraint room_demo_check check (demo in (0, 1))
);
