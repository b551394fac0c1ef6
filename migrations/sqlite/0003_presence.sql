-- What agents have set, what was decided about dialing a lead, and how campaigns have done.
-- The twin of this file in ../postgres differs in types only.

create table presence (
    account_id integer not null references account (id),
    agent text not null,
    record text not null,                           -- as the law reads it, as JSON
    due_at text,                                -- when something happens to it by itself
    primary key (account_id, agent)
) strict, without rowid;
create index presence_due on presence (due_at) where due_at is not null;

create table receipt (                              -- why a lead was dialed, or passed over
    account_id integer not null,
    lead_id integer not null,
    id blob not null,                               -- time-ordered
    kind text not null,                             -- presented, dialed, skipped
    body text not null,                             -- JSON
    at text not null,
    primary key (account_id, lead_id, id)
) strict, without rowid;

create table tally (                                -- calls dialed ahead that a person answered, per campaign and day
    account_id integer not null,
    campaign text not null,
    day integer not null,                             -- days since 1970 in UTC
    answered integer not null,
    abandoned integer not null,
    primary key (account_id, campaign, day)
) strict, without rowid;

create table pace (                                 -- what a campaign's dialer has learnt
    account_id integer not null,
    campaign text not null,
    estimates text not null,                        -- JSON
    primary key (account_id, campaign)
) strict, without rowid;
