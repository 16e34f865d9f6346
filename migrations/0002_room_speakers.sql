-- How many speakers of a room's conference are heard at a time. A room that does not say has what the settings say.

alter table room add column speakers integer
    constraint room_speakers_check check (speakers between 1 and 8);
