-- no-transaction
-- Until now what was removed stayed readable in the pages of the file that it had left: names of people whose invitations were
-- withdrawn. The file is written anew, without them; from here on they are overwritten as they are removed (`secure_delete`).

vacuum;
