-- How people are spoken to in a room, where it is not as is usual in its language: with du, or in easy German.

alter table room add column wording text
    constraint room_wording_check check (wording is null or (wording in ('de-du', 'de-einfach') and language = 'de'));
