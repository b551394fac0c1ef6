-- What agents have set, what was decided about dialing a lead, and how campaigns have done.
-- The twin of this file in ../sqlite differs in types only.

create table presence (
    account_id bigint not null references account (id),
    agent text collate "C" not null,
    record text not null,                           -- as the law reads it, as JSON
    due_at timestamptz,                                -- when something happens to it by itself
    primary key (account_id, agent)
);
create index presence_due on presence (due_at) where due_at is not null;

create table receipt (                              -- why a lead was dialed, or passed over
    account_id bigint not null,
    lead_id bigint not null,
    id uuid not null,                               -- time-ordered
    kind text collate "C" not null,                             -- presented, dialed, skipped
    body text not null,                             -- JSON
    at timestamptz not null,
    primary key (account_id, lead_id, id)
);

create table tally (                                -- calls dialed ahead that a person answered, per campaign and day
    account_id bigint not null,
    campaign text collate "C" not null,
    day bigint not null,                             -- days since 1970 in UTC
    answered bigint not null,
    abandoned bigint not null,
    primary key (account_id, campaign, day)
);

create table pace (                                 -- what a campaign's dialer has learnt
    account_id bigint not null,
    campaign text collate "C" not null,
    estimates text not null,                        -- JSON
    primary key (account_id, campaign)
);
