-- How those inside a room hear that somebody comes or goes, and above how many people they hear it no more. Tones are the
-- usual: who does not see the list of participants learns from them that somebody else hears what is said.

alter table room add column entry_signal text not null default 'tones'
    constraint room_entry_signal_check check (entry_signal in ('tones', 'names', 'off'));
alter table room add column quiet_above integer not null default 20
    constraint room_quiet_above_check check (quiet_above between 0 and 65535);
