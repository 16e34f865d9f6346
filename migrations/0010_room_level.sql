-- How confidential a room is. The level sets the least protection together with it; a confidential room may do with
-- protection as far as the carrier if its owner says so, and never with none.

alter table room add column level text not null default 'normal'
    constraint room_level_check check (
        level in ('open', 'normal', 'confidential')
        and (level <> 'confidential' or protection <> 'none')
    );
