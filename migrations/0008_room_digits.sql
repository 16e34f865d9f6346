-- Whether a room's moderators see the last three digits of callers' numbers; nobody sees more, and most rooms show none.

alter table room add column shows_digits integer not null default 0
    constraint room_shows_digits_check check (shows_digits in (0, 1));
