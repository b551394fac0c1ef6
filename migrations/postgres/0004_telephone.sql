-- Who drives which telephone system.
-- The twin of this file in ../sqlite differs in types only.

create table telephone_hold (
    account_id bigint not null references account (id),
    system text collate "C" not null,               -- its name in lower case
    holder uuid not null,                           -- the server that drives it
    until timestamptz not null,                     -- another may take it over from then on
    state text collate "C",                         -- up, down; null = nobody has said yet
    since timestamptz not null,                     -- when that state began
    message text collate "C",                       -- why
    primary key (account_id, system)
);
