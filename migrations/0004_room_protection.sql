-- How far the legs of a room's conference must be protected on their way. A room that demands nothing takes every call that
-- its trunk lets through.

alter table room add column protection text not null default 'none'
    constraint room_protection_check check (protection in ('none', 'to-carrier', 'to-device'));
