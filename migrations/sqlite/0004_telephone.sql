-- Who drives which telephone system.
-- The twin of this file in ../postgres differs in types only.

create table telephone_hold (
    account_id integer not null references account (id),
    system text not null,                           -- its name in lower case
    holder blob not null,                           -- the server that drives it
    until text not null,                            -- another may take it over from then on
    state text,                                     -- up, down; null = nobody has said yet
    since text not null,                            -- when that state began
    message text,                                   -- why
    primary key (account_id, system)
) strict, without rowid;
