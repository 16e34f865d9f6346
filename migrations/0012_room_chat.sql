-- Whom people in a room may write to by chat, until a moderator decides otherwise. What is written is stored nowhere.

alter table room add column chat text not null default 'all'
    constraint room_chat_check check (chat in ('all', 'public', 'private', 'off'));
